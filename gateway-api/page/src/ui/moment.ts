// Live, or a moment of the past: the same panels draw both, and only live ones can command.
import { createContext, use } from "react";
import { engineNow } from "../live/clock";

export interface Moment {
  isReplay: boolean;
  nowMs: () => number;
}

const LIVE: Moment = { isReplay: false, nowMs: engineNow };

export const MomentContext = createContext<Moment>(LIVE);

export const useMoment = () => use(MomentContext);
