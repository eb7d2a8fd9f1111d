import { useEffect, useRef, type ReactNode } from "react";

interface DialogProps {
  title: string;
  id: string;
  onClose: () => void;
  children: ReactNode;
  className?: string;
}

/** A native modal dialog: it traps the focus, and Escape closes it. `data-first` gets the initial focus. */
export function Dialog({ title, id, onClose, children, className }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const node = dialog.current;
    node?.showModal();
    node?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => node?.close();
  }, []);
  return (
    <dialog ref={dialog} id={id} className={className} aria-labelledby={`${id}-title`} onClose={onClose}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </dialog>
  );
}
