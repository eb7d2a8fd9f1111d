import { useEffect } from "react";
import { AcknowledgeDialog } from "../frame/AcknowledgeDialog";
import { ApproveFlattenDialog } from "../frame/ApproveFlattenDialog";
import { Banners } from "../frame/Banners";
import { CommandLog } from "../frame/CommandLog";
import { openDialog } from "../frame/dialogs";
import { HaltDialog, ResumeDialog } from "../frame/HaltDialog";
import { HelpDialog } from "../frame/HelpDialog";
import { StartAllDialog } from "../frame/StartAllDialog";
import { StartDialog } from "../frame/StartDialog";
import { Nav } from "../frame/Nav";
import { RemoveDialog } from "../frame/RemoveDialog";
import { SignIn } from "../frame/SignIn";
import { Strip } from "../frame/Strip";
import { useTab } from "../frame/useTab";
import { listen } from "../live/connect";
import { useIsAway } from "../live/away";
import { AuditPage } from "../pages/audit/AuditPage";
import { OverviewPage } from "../pages/overview/OverviewPage";
import { PnlPage } from "../pages/pnl/PnlPage";
import { ReplayPage } from "../pages/replay/ReplayPage";
import { RiskPage } from "../pages/risk/RiskPage";
import { SystemPage } from "../pages/system/SystemPage";
import { SymbolPage } from "../pages/symbol/SymbolPage";
import { Failure } from "../ui/states";
import { useWatched } from "./external";
import { listenToKeys } from "./keyboard";
import { route } from "./location";
import { PAGE_TITLES } from "./routes";
import { keepSessionAlive, refreshSession, sessionState } from "./session";

export function App() {
  const state = useWatched(sessionState);
  switch (state.kind) {
    case "asking":
      return <main className="sign-in" aria-busy="true" />;
    case "out":
      return <SignIn way={state.way} problem={state.problem} because={state.because} key={state.problem?.code} />;
    case "away":
      return (
        <main className="sign-in">
          <h1>Market maker</h1>
          <Failure problem={state.problem} onRetry={() => void refreshSession()} />
        </main>
      );
    case "in":
      return <Desk />;
  }
}

function Desk() {
  const { page } = useWatched(route);
  const isAway = useIsAway();
  useTab();
  useEffect(() => {
    const ends = [listen(), listenToKeys(), keepSessionAlive()];
    return () => ends.forEach((end) => end());
  }, []);
  return (
    <div className="app" data-away={isAway} data-mode={page === "replay" ? "replay" : "live"}>
      <a className="skip" href="#main" onClick={toMain}>
        Skip to content
      </a>
      <header className="top">
        <Strip />
        <Nav />
        <Banners />
      </header>
      <main id="main" tabIndex={-1} data-page={page}>
        <h2 className="hidden-text">{PAGE_TITLES[page]}</h2>
        <CurrentPage />
      </main>
      <CommandLog />
      <OpenDialogs />
    </div>
  );
}

// The URL holds the state: an in-page link would change it.
function toMain(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function OpenDialogs() {
  const open = useWatched(openDialog);
  switch (open?.kind) {
    case "halt":
      return <HaltDialog scope={open.scope} action={open.action} />;
    case "resume":
      return <ResumeDialog scope={open.scope} />;
    case "approve-flatten":
      return <ApproveFlattenDialog scope={open.scope} />;
    case "remove":
      return <RemoveDialog scope={open.scope} />;
    case "help":
      return <HelpDialog />;
    case "start":
      return <StartDialog />;
    case "start-all":
      return <StartAllDialog />;
    case "acknowledge":
      return <AcknowledgeDialog alertId={open.alertId} />;
    default:
      return null;
  }
}

function CurrentPage() {
  const { page } = useWatched(route);
  switch (page) {
    case "symbol":
      return <SymbolPage />;
    case "risk":
      return <RiskPage />;
    case "pnl":
      return <PnlPage />;
    case "replay":
      return <ReplayPage />;
    case "system":
      return <SystemPage />;
    case "audit":
      return <AuditPage />;
    case "overview":
      return <OverviewPage />;
  }
}
