// Live or a past time: the same panels show both; only live ones can send commands.
import { createContext, use } from "react";
import { engineNow } from "../live/clock";

export interface Moment {
  isReplay: boolean;
  nowMs: () => number;
}

const LIVE: Moment = { isReplay: false, nowMs: engineNow };

export const MomentContext = createContext<Moment>(LIVE);

export const useMoment = () => use(MomentContext);
