import { memo } from "react";
import { NOTHING, shortened, signOf, withSign } from "../format/numbers";

const TONES = { "-1": "bad", "0": "calm", "1": "good" } as const;

/** A signed amount; shortened in narrow places, exact in the title. */
export const Money = memo(function Money({ text, decimals = 2 }: { text: string | null | undefined; decimals?: number }) {
  if (text === null || text === undefined) return <span className="muted">{NOTHING}</span>;
  const shown = shortened(text, decimals);
  return (
    <span className={TONES[`${signOf(shown)}`]} title={withSign(text)}>
      {withSign(shown)}
    </span>
  );
});
