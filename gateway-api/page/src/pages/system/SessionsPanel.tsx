// The user's sessions and programs acting for them; each can be ended.
import { useState } from "react";
import { ask, problemFrom } from "../../api/client";
import type { Problem, SessionViewModel, SessionsResponse } from "../../api/types";
import { refreshSession } from "../../app/session";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Failure, Skeleton } from "../../ui/states";
import { Clock } from "../../ui/time";
import { useAsk } from "../../ui/useAsk";

const EVERY_MS = 10_000;
const METHODS = { one_time: "page, by code", password: "page, by password", token: "program" };

export function SessionsPanel() {
  const { data, problem, again } = useAsk<SessionsResponse>("/sessions", EVERY_MS);
  const [failed, setFailed] = useState<Problem | null>(null);
  const end = async (each: SessionViewModel) => {
    setFailed(null);
    await ask(`/sessions/${encodeURIComponent(each.session)}`, { method: "DELETE" }).catch((error: unknown) => setFailed(problemFrom(error)));
    if (each.is_this) await refreshSession();
    again();
  };
  return (
    <Panel id="sessions" title="Your sessions">
      {failed ? <Failure problem={failed} /> : null}
      {data ? <Sessions sessions={data.sessions} onEnd={(each) => void end(each)} /> : problem ? <Failure problem={problem} onRetry={again} /> : <Skeleton rows={3} />}
    </Panel>
  );
}

function Sessions({ sessions, onEnd }: { sessions: SessionViewModel[]; onEnd: (each: SessionViewModel) => void }) {
  return (
    <Scroll label="Your sessions">
      <table className="mini">
        <thead>
          <tr>
            <th scope="col">Session</th>
            <th scope="col">From</th>
            <th scope="col">Since</th>
            <th scope="col">Ends by</th>
            <th scope="col">
              <span className="hidden-text">End session</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((each) => (
            <tr key={each.session} data-session={each.session}>
              <th scope="row">{each.is_this ? "this page" : METHODS[each.method]}</th>
              <td>{each.address}</td>
              <td>
                <Clock atMs={each.began_ms} />
              </td>
              <td>
                <Clock atMs={each.ends_ms} />
              </td>
              <td>
                <button type="button" onClick={() => onEnd(each)} aria-label={`End session ${each.session}`}>
                  End
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
