// Ladder rows: market levels and ours, with cumulative depth.
import type { LadderLevel, OwnOrder, Side } from "../../api/types";
import { drawable } from "../../format/numbers";

export interface LadderRow {
  side: Side;
  price: string;
  size: string | null;
  own_size: string | null;
  order: OwnOrder | null;
  /** Cumulative share of the visible depth of the side. */
  depth_share: number;
}

/** Best first, in the order of the levels. */
export function ladderRows(side: Side, levels: readonly LadderLevel[], orders: readonly OwnOrder[], deepest: number): LadderRow[] {
  let depth = 0;
  return levels.map((level) => {
    depth += drawable(level.size) ?? 0;
    const order = orders.find((each) => each.side === side && each.price === level.price) ?? null;
    return { side, ...level, order, depth_share: deepest ? depth / deepest : 0 };
  });
}

export function depthOf(levels: readonly LadderLevel[]): number {
  return levels.reduce((sum, level) => sum + (drawable(level.size) ?? 0), 0);
}
