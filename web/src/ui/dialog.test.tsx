import { useState } from "react";
import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { startTexts } from "../i18n";
import { show } from "../test/page";
import { Dialog, RuledInput } from "./dialog";
import { rules } from "./rules";
import cases from "./rules.json";

beforeAll(() => startTexts("en"));

describe("the server's rules for texts", () => {
  it.each(cases)("$rule: $value", ({ rule, value, says }) => expect(rules[rule as keyof typeof rules](value) ?? "").toBe(says));

  it("have an example of each", () => expect(new Set(cases.map((c) => c.rule))).toEqual(new Set(Object.keys(rules))));
});

function Host({ onSubmit }: { onSubmit: () => Promise<unknown> }) {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  return (
    <>
      <button onClick={() => setOpen(true)}>New thing</button>
      {open && (
        <Dialog open title="Thing" button="Make it" disabled={name === "" || rules.target(name) !== undefined} onClose={() => setOpen(false)} onSubmit={onSubmit}>
          <RuledInput label="Its name" value={name} rule={rules.target} autoFocus onChange={setName} />
        </Dialog>
      )}
    </>
  );
}

describe("a dialog", () => {
  it("says what is wrong before anything is sent", async () => {
    const submit = vi.fn(() => Promise.resolve());
    show(<Host onSubmit={submit} />, () => ({ body: {} }));
    fireEvent.click(screen.getByRole("button", { name: "New thing" }));
    const name = screen.getByLabelText("Its name");
    fireEvent.change(name, { target: { value: "Prod" } });
    expect(screen.getByRole("alert")).toHaveTextContent('target name "Prod": want 1 to 64 lower-case letters');
    expect(name).toHaveAttribute("aria-invalid", "true");
    expect(screen.getByRole("button", { name: "Make it" })).toBeDisabled();
    fireEvent.submit(name);
    expect(submit).not.toHaveBeenCalled();
    fireEvent.change(name, { target: { value: "prod" } });
    expect(screen.queryByRole("alert")).toBeNull();
    fireEvent.submit(name);
    await waitFor(() => expect(submit).toHaveBeenCalledOnce());
  });

  it("gives the focus back to the button that opened it", async () => {
    const user = userEvent.setup();
    show(<Host onSubmit={() => Promise.resolve()} />, () => ({ body: {} }));
    const opener = screen.getByRole("button", { name: "New thing" });
    await user.click(opener);
    await user.click(screen.getByLabelText("Its name"));
    await user.keyboard("{Escape}");
    await waitFor(() => expect(opener).toHaveFocus());
  });
});
