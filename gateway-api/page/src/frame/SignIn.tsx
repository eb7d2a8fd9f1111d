import { useState } from "react";
import type { Refusal } from "../api/client";
import { problemFrom } from "../api/client";
import type { Problem, SignInWay } from "../api/types";
import { signIn, type Credentials } from "../app/session";

export function SignIn({ way, problem }: { way: SignInWay; problem: Problem | null }) {
  const [wrong, setWrong] = useState<Problem | null>(problem);
  const [waitS, setWaitS] = useState<number | null>(null);
  const [isBusy, setBusy] = useState(false);
  const enter = async (credentials: Credentials) => {
    setBusy(true);
    const refusal: Refusal | null = await signIn(credentials).catch((error: unknown) => {
      setWrong(problemFrom(error));
      return null;
    });
    setBusy(false);
    if (refusal) setWrong(refusal.problem);
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
        <h2>Sign in</h2>
        {way === "one_time" ? <CodeField /> : <PasswordFields />}
        <p className="error" role="alert">
          {wrong ? `${wrong.detail} ${wrong.hint}` : ""}
          {waitS ? ` Next try counts in ${waitS} s.` : ""}
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

function credentialsFrom(form: FormData): Credentials {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  return form.has("code") ? { code: text("code").replace(/^.*#code=/, "") } : { name: text("name"), password: String(form.get("password") ?? "") };
}

function CodeField() {
  return (
    <>
      <p className="muted">The start of the engine printed an address with a code: open it, or type the code here. It counts once.</p>
      <label>
        Code <input name="code" required autoComplete="one-time-code" spellCheck={false} />
      </label>
    </>
  );
}

function PasswordFields() {
  return (
    <>
      <label>
        Name <input name="name" required autoComplete="username" spellCheck={false} />
      </label>
      <label>
        Password <input name="password" type="password" required autoComplete="current-password" />
      </label>
    </>
  );
}
