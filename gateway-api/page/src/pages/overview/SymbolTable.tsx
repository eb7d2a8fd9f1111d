// All symbols, most urgent first; only visible rows are rendered, each subscribed to its own symbol.
import { useEffect, useMemo, useState } from "react";
import { addKeys } from "../../app/keyboard";
import { go } from "../../app/location";
import { symbolHash } from "../../app/routes";
import { useAllSymbols, useLoaded } from "../../live/hooks";
import { Panel } from "../../ui/Panel";
import { Empty, Skeleton } from "../../ui/states";
import { VirtualRows } from "../../ui/VirtualRows";
import { SymbolRow, TableHead } from "./SymbolRow";
import { newestMs, SORTS, sortedKeys, type Sort } from "./summary";

const ROW_PX = 28;

export function SymbolTable() {
  const rows = useAllSymbols();
  const isLoaded = useLoaded();
  const [sort, setSort] = useState<Sort>("worst");
  const [search, setSearch] = useState("");
  const order = sortedKeys(rows, sort, search).join("\n");
  const keys = useMemo(() => (order ? order.split("\n") : []), [order]);
  const [focused, setFocused] = useState<string | null>(null);
  useRowKeys(keys, focused, setFocused);
  return (
    <Panel
      id="symbols"
      title="Symbols"
      note={rows.length ? `${keys.length === rows.length ? "" : `${keys.length} of `}${rows.length}` : null}
      atMs={newestMs(rows)}
      actions={<Tools sort={sort} onSort={setSort} search={search} onSearch={setSearch} first={keys[0]} />}
    >
      {keys.length ? (
        <VirtualRows
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
