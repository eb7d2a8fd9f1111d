// All symbols, most urgent first; only visible rows are rendered, each subscribed to its own symbol.
import { useEffect, useMemo, useRef, useState, type FocusEvent } from "react";
import { addKeys } from "../../app/keyboard";
import { go } from "../../app/location";
import { symbolHash } from "../../app/routes";
import { openDialog } from "../../frame/dialogs";
import { useAllSymbols, useLoaded } from "../../live/hooks";
import { CommandButton } from "../../ui/controls";
import { Panel } from "../../ui/Panel";
import { Empty, Skeleton } from "../../ui/states";
import { VirtualRows } from "../../ui/VirtualRows";
import { SymbolRow, TableHead } from "./SymbolRow";
import { heldOrder, newestMs, SORTS, sortedKeys, type Sort } from "./summary";

const ROW_PX = 28;

export function SymbolTable() {
  const rows = useAllSymbols();
  const isLoaded = useLoaded();
  const [sort, setSort] = useState<Sort>("worst");
  const [search, setSearch] = useState("");
  const { isHeld, holding } = useHold();
  const keys = useHeldOrder(sortedKeys(rows, sort, search), isHeld, `${sort} ${search}`);
  const [focused, setFocused] = useState<string | null>(null);
  useRowKeys(keys, focused, setFocused);
  return (
    <Panel
      id="symbols"
      title="Symbols"
      note={rows.length ? `${keys.length === rows.length ? "" : `${keys.length} of `}${rows.length}${isHeld && sort !== "name" ? ", order held" : ""}` : null}
      atMs={newestMs(rows)}
      actions={<Tools sort={sort} onSort={setSort} search={search} onSearch={setSearch} first={keys[0]} />}
    >
      {keys.length ? (
        <VirtualRows
          {...holding}
          id="rows"
          className="symbols"
          label="Symbols"
          rowHeight={ROW_PX}
          keys={keys}
          head={<TableHead />}
          row={(key, index) => <SymbolRow key={key} symbolKey={key} index={index} isFocused={key === focused} onFocus={setFocused} />}
        />
      ) : rows.length ? (
        <Empty>No symbol matches the search.</Empty>
      ) : isLoaded ? (
        <Empty>
          No symbols yet. They appear with the first market data: see <code>markets</code> in the configuration, and <code>maker up --help</code>.
        </Empty>
      ) : (
        <Skeleton rows={14} />
      )}
    </Panel>
  );
}

/** Held while the pointer is over the rows, or one of their controls has the keyboard focus. */
function useHold() {
  const [isUnderPointer, setUnderPointer] = useState(false);
  const [hasFocus, setFocus] = useState(false);
  const holding = {
    onPointerEnter: () => setUnderPointer(true),
    onPointerLeave: () => setUnderPointer(false),
    onFocus: (event: FocusEvent) => setFocus(event.target.matches("tbody :focus-visible")),
    onBlur: () => setFocus(false),
  };
  return { isHeld: isUnderPointer || hasFocus, holding };
}

/** The order, which stays while it is held: no row moves under the pointer. A new sort or search is not held. */
function useHeldOrder(sorted: readonly string[], isHeld: boolean, choice: string): readonly string[] {
  const held = useRef<{ keys: readonly string[]; choice: string }>({ keys: [], choice });
  const isKept = isHeld && held.current.choice === choice;
  const order = (isKept ? heldOrder(held.current.keys, sorted) : sorted).join("\n");
  const keys = useMemo(() => (order ? order.split("\n") : []), [order]);
  useEffect(() => {
    held.current = { keys, choice };
  }, [keys, choice]);
  return keys;
}

function useRowKeys(keys: readonly string[], focused: string | null, setFocused: (key: string | null) => void): void {
  useEffect(() => {
    const move = (by: number) => {
      const at = focused === null ? -1 : keys.indexOf(focused);
      const next = keys[Math.min(Math.max(at + by, 0), keys.length - 1)];
      setFocused(next ?? null);
      scrollTo(keys.indexOf(next ?? ""));
    };
    const open = () => focused !== null && go(symbolHash(focused));
    return addKeys({ j: () => move(1), k: () => move(-1), Enter: open, w: open });
  }, [keys, focused, setFocused]);
}

function scrollTo(index: number): void {
  const box = document.querySelector('[data-panel="symbols"] .virtual');
  if (!box || index < 0) return;
  const [top, height] = [index * ROW_PX, box.clientHeight - 2 * ROW_PX];
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top > box.scrollTop + height) box.scrollTop = top - height;
}

interface ToolsProps {
  sort: Sort;
  onSort: (sort: Sort) => void;
  search: string;
  onSearch: (search: string) => void;
  first: string | undefined;
}

function Tools({ sort, onSort, search, onSearch, first }: ToolsProps) {
  return (
    <>
      <CommandButton permission="start" id="start-one" onClick={() => openDialog.set({ kind: "start" })}>
        Start a symbol{"\u2026"}
      </CommandButton>
      <label className="inline">
        Sort{" "}
        <select id="sort" value={sort} onChange={(event) => onSort(event.target.value as Sort)}>
          {SORTS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <input
        type="search"
        id="search"
        placeholder="Search  /"
        aria-label="Search symbols"
        autoComplete="off"
        spellCheck={false}
        value={search}
        onChange={(event) => onSearch(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && first && go(symbolHash(first))}
      />
    </>
  );
}
