import { memo } from "react";
import type { Look, Shape, Tone } from "../format/states";

export function Icon({ shape, tone }: { shape: Shape; tone?: Tone }) {
  return <i className={`icon ${shape} ${tone ?? ""}`} aria-hidden="true" />;
}

/** A state as shape, colour and word. */
export const StateWord = memo(function StateWord({ look }: { look: Look }) {
  return (
    <span className={`state-word ${look.tone}`}>
      <Icon shape={look.shape} />
      {look.word}
    </span>
  );
});
