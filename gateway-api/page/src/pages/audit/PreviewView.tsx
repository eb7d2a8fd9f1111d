// The newest quote of a symbol under the setting in force and under the proposed value.
import { useEffect, useState } from "react";
import { ask, problemFrom } from "../../api/client";
import type { ExplainedSide, PreviewResponse, Problem } from "../../api/types";
import { lastSymbol } from "../../frame/lastSymbol";
import { grouped, NOTHING, signed, trimmed } from "../../format/numbers";
import { stepLabel } from "../../format/labels";
import { plainKey, venueOf } from "../../format/states";
import { useKeys } from "../../live/hooks";
import { reasonText } from "../../ui/Reason";
import { Failure } from "../../ui/states";
import { totalBps, waterfall } from "../symbol/waterfall";

const SETTLE_MS = 300;

function usePreview(settingKey: string, value: string, symbolKey: string | null) {
  const [preview, setPreview] = useState<PreviewResponse | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (symbolKey === null || value === "") return;
    const control = new AbortController();
    const timer = setTimeout(() => {
      const body = { key: settingKey, value, symbol: plainKey(symbolKey), venue: venueOf(symbolKey) };
      ask<PreviewResponse>("/maker/settings/preview", { method: "POST", body, signal: control.signal }).then(
        (answer) => {
          setPreview(answer);
          setProblem(null);
        },
        (error: unknown) => {
          if (!control.signal.aborted) setProblem(problemFrom(error));
        },
      );
    }, SETTLE_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [settingKey, value, symbolKey]);
  return { preview, problem };
}

interface PreviewViewProps {
  settingKey: string;
  value: string;
  /** Of a setting of one symbol; null: the user chooses one. */
  symbol: string | null;
}

export function PreviewView({ settingKey, value, symbol }: PreviewViewProps) {
  const keys = useKeys();
  const [chosen, setChosen] = useState(lastSymbol);
  const own = symbol === null ? null : (keys.find((key) => plainKey(key) === symbol) ?? null);
  const symbolKey = own ?? chosen ?? keys[0] ?? null;
  const { preview, problem } = usePreview(settingKey, value, symbolKey);
  return (
    <div className="preview">
      <p className="preview-head">
        <b>Preview of the newest quote</b>
        <select aria-label="Symbol of the preview" value={symbolKey ?? ""} disabled={own !== null} onChange={(event) => setChosen(event.target.value)}>
          {keys.map((key) => (
            <option key={key} value={key}>
              {plainKey(key)}
            </option>
          ))}
        </select>
      </p>
      {problem ? <Failure problem={problem} /> : preview ? <Compared preview={preview} /> : <p className="muted">Asking{"\u2026"}</p>}
    </div>
  );
}

function Compared({ preview: { before, after } }: { preview: PreviewResponse }) {
  const names = waterfall(after).rows.map((row) => row.name);
  return (
    <table className="mini" id="preview">
      <thead>
        <tr>
          <th scope="col">Step, bps</th>
          {["Bid now", "Bid then", "Ask now", "Ask then"].map((title) => (
            <th key={title} scope="col" className="number">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Result title="price" of={(side) => (side.price === null ? reasonText(side.not_quoting_because) : grouped(side.price))} preview={{ before, after }} />
        <Result title="size" of={(side) => trimmed(side.size)} preview={{ before, after }} />
        <Result title="from fair value" of={(side) => (side.steps.length ? signed(totalBps(side), 2) : NOTHING)} preview={{ before, after }} />
        {names.slice(1).map((name) => (
          <tr key={name}>
            <th scope="row">{stepLabel(name)}</th>
            <Pair before={effect(before.bid, name)} after={effect(after.bid, name)} />
            <Pair before={effect(before.ask, name)} after={effect(after.ask, name)} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const effect = (side: ExplainedSide, name: string) => {
  const step = side.steps.find((each) => each.name === name);
  return step ? signed(step.effect_bps, 2) : NOTHING;
};

function Pair({ before, after }: { before: string; after: string }) {
  const isSame = before === after;
  return (
    <>
      <td className="number muted">{before}</td>
      <td className="number">{isSame ? after : <b className="warn">{after}</b>}</td>
    </>
  );
}

function Result({ title, of, preview: { before, after } }: { title: string; of: (side: ExplainedSide) => string; preview: PreviewResponse }) {
  return (
    <tr className="result">
      <th scope="row">{title}</th>
      <Pair before={of(before.bid)} after={of(after.bid)} />
      <Pair before={of(before.ask)} after={of(after.ask)} />
    </tr>
  );
}
