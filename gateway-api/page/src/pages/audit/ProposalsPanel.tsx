import { useState } from "react";
import { ask, freshId, problemFrom } from "../../api/client";
import type { ControlResponse, Problem, Proposal } from "../../api/types";
import { useSession } from "../../app/session";
import { durationText } from "../../format/times";
import { engineNow, useTick } from "../../live/clock";
import { useProposals } from "../../live/hooks";
import { CommandButton } from "../../ui/controls";
import { Panel } from "../../ui/Panel";
import { Scroll } from "../../ui/Scroll";
import { Empty } from "../../ui/states";

export function ProposalsPanel() {
  const proposals = useProposals();
  useTick(1000);
  const open = proposals.filter((proposal) => proposal.valid_until_ms > engineNow());
  return (
    <Panel id="proposals" title="Pending approvals" note={open.length ? String(open.length) : null}>
      {open.length ? (
        <Scroll label="Proposals">
          <ul className="proposals">
            {open.map((proposal) => (
              <Row key={proposal.proposal_id} proposal={proposal} />
            ))}
          </ul>
        </Scroll>
      ) : (
        <Empty>No pending approvals. Loosened limits, overrides and ledger corrections appear here.</Empty>
      )}
    </Panel>
  );
}

/** Permission required of the second person. */
const SECOND_WORD = { setting: "loosen", override: "override_approve", adjustment: "adjust" } as const;

function Row({ proposal }: { proposal: Proposal }) {
  const session = useSession();
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const decide = (decision: "approve" | "reject") => {
    const path = `/maker/proposals/${encodeURIComponent(proposal.proposal_id)}/${decision}`;
    const body = decision === "approve" ? { shown: proposal.digest, reason } : { reason };
    ask<ControlResponse>(path, { method: "POST", body, idempotencyKey: freshId() }).catch((error: unknown) => setProblem(problemFrom(error)));
  };
  const isOwn = session?.name === proposal.requester;
  const permission = SECOND_WORD[proposal.kind];
  return (
    <li data-proposal={proposal.proposal_id}>
      <p>
        <b>{proposal.text}</b> <span className="muted">by {proposal.requester}: {proposal.reason}</span> <small>expires in {durationText(proposal.valid_until_ms - engineNow())}</small>
      </p>
      <p className="buttons">
        <input aria-label={`Reason for the decision on ${proposal.text}`} placeholder="Reason" value={reason} onChange={(event) => setReason(event.target.value)} />
        {isOwn ? <span className="muted">your own: another person has to approve</span> : null}
        <CommandButton permission={permission} className="primary" busy={isOwn} label={`Approve ${proposal.text}`} onClick={() => decide("approve")}>
          Approve
        </CommandButton>
        <CommandButton permission={isOwn ? "view" : permission} label={`${isOwn ? "Take back" : "Reject"} ${proposal.text}`} onClick={() => decide("reject")}>
          {isOwn ? "Take back" : "Reject"}
        </CommandButton>
      </p>
      {problem ? (
        <p className="error" role="alert">
          {problem.detail} {problem.hint}
        </p>
      ) : null}
    </li>
  );
}
