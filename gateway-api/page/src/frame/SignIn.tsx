import { useEffect, useState } from "react";
import type { Refusal } from "../api/client";
import { problemFrom } from "../api/client";
import type { Problem, SignInWay } from "../api/types";
import { signIn, type Credentials } from "../app/session";
import { iconOf } from "./tab";

interface SignInProps {
  way: SignInWay;
  problem: Problem | null;
  /** Why nobody is signed in any longer; empty for a first visit. */
  because: string;
}

export function SignIn({ way, problem, because }: SignInProps) {
  useSignInTitle(because);
  const [wrong, setWrong] = useState<Problem | null>(problem);
  const [waitS, setWaitS] = useState<number | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [hasSecond, setHasSecond] = useState(false);
  const [enrolWith, setEnrolWith] = useState<string | null>(null);
  const enter = async (credentials: Credentials) => {
    setBusy(true);
    const refusal: Refusal | null = await signIn(credentials).catch((error: unknown) => {
      setWrong(problemFrom(error));
      return null;
    });
    setBusy(false);
    if (refusal) setWrong(refusal.problem);
    const code = refusal?.problem.code;
    if (code === "second_factor_needed" || code === "second_factor_enrolment") {
      setHasSecond(true);
      setEnrolWith(refusal?.problem.otpauth ?? null);
    }
    setWaitS(refusal?.retry_after_s ?? null);
  };
  return (
    <main className="sign-in" data-page="sign-in">
      <h1>Market maker</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter(credentialsFrom(new FormData(event.currentTarget)));
        }}
      >
        <h2>{because ? "Signed out" : "Sign in"}</h2>
        {because ? <p role="status">{because}</p> : null}
        {way === "one_time" ? <CodeField /> : <PasswordFields />}
        {enrolWith ? <Enrolment address={enrolWith} /> : null}
        {hasSecond ? <SecondField /> : null}
        <p className="error" role="alert">
          {wrong ? `${wrong.detail} ${wrong.hint}` : ""}
          {waitS ? ` Try again in ${waitS} s.` : ""}
        </p>
        <div className="buttons">
          <button type="submit" className="primary" disabled={isBusy}>
            {isBusy ? "Signing in\u2026" : "Sign in"}
          </button>
        </div>
      </form>
    </main>
  );
}

function useSignInTitle(because: string): void {
  useEffect(() => {
    document.title = `${because ? "SIGNED OUT" : "Sign in"} \u2013 Market maker`;
    document.getElementById("favicon")?.setAttribute("href", iconOf("calm"));
  }, [because]);
}

function credentialsFrom(form: FormData): Credentials {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  if (form.has("code")) return { code: text("code").replace(/^.*#code=/, "") };
  const credentials = { name: text("name"), password: String(form.get("password") ?? "") };
  const digits = text("second_factor").replace(/\s/g, "");
  return digits ? { ...credentials, second_factor: digits } : credentials;
}

function CodeField() {
  return (
    <>
      <p className="muted">Paste the one-time code from the terminal, or the whole address that the engine printed. A code is valid once.</p>
      <label>
        Code <input name="code" autoFocus required autoComplete="one-time-code" spellCheck={false} />
      </label>
    </>
  );
}

function PasswordFields() {
  return (
    <>
      <label>
        Name <input name="name" autoFocus required autoComplete="username" spellCheck={false} />
      </label>
      <label>
        Password <input name="password" type="password" required autoComplete="current-password" />
      </label>
    </>
  );
}

function SecondField() {
  return (
    <label>
      Six digits from your app
      <input name="second_factor" required inputMode="numeric" pattern="[0-9 ]{6,7}" autoComplete="one-time-code" autoFocus />
    </label>
  );
}

/** Shown once: anyone with the secret has the second factor. */
function Enrolment({ address }: { address: string }) {
  const secret = /[?&]secret=([A-Z2-7]+)/.exec(address)?.[1] ?? "";
  return (
    <div className="enrolment" data-otpauth={address}>
      <p>
        Set up your second factor: type this secret into an app such as FreeOTP, or{" "}
        <a href={address}>open it in the app on this device</a>. Then type the six digits it shows.
      </p>
      <code>{secret.replace(/(.{4})/g, "$1 ").trim()}</code>
    </div>
  );
}
