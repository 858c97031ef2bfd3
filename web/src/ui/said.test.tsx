// On Chinese pages the server's sentences are Chinese.
import { EditorState } from "@codemirror/state";
import { screen } from "@testing-library/react";
import { beforeAll, describe, expect, it } from "vitest";
import { Problem, type Noun } from "../api/client";
import { Problems } from "../features/pipelines/field";
import { said, setLanguage, startTexts } from "../i18n";
import { show } from "../test/page";
import { marks } from "./editor";
import { ProblemAlert } from "./problem";

const finding: Noun<"Diagnostic"> = { severity: "error", code: "unknown-key", summary: 'a stage has no key "typ"', detail: 'did you mean "type"?', path: "stages[0]", line: 1 };
const nothing = () => ({ body: { items: [] } });

/** English words side by side, outside of code. */
const english = /[a-z]{2,} [a-z]{2,}/;

describe("a Chinese page", () => {
  beforeAll(async () => {
    await startTexts("en");
    await setLanguage("zh-CN");
  });

  it("is drawn again when the catalogue has come", async () => {
    await setLanguage("en");
    show(<ProblemAlert error={new Problem(422, "invalid", "the pipeline has 2 errors")} />, nothing);
    expect(screen.getByRole("alert")).toHaveTextContent("the pipeline has 2 errors");
    await setLanguage("zh-CN");
    expect(await screen.findByText("流水线有 2 个错误")).toBeInTheDocument();
  });

  it("tells problems with every finding", () => {
    show(<ProblemAlert error={new Problem(422, "invalid", "the pipeline has 2 errors", [finding])} />, nothing);
    const alert = screen.getByRole("alert");
    expect(alert).toHaveTextContent("流水线有 2 个错误");
    expect(alert).toHaveTextContent('阶段没有键 "typ"');
    expect(alert.textContent).not.toMatch(english);
  });

  it("tells findings at the field and in the margin of the editor", () => {
    show(<Problems path={["stages", 0]} findings={[finding]} />, nothing);
    expect(screen.getByRole("alert")).toHaveTextContent('您是否想写 "type"？');
    expect(marks(EditorState.create({ doc: "x: 1" }), [finding], said)[0]?.message).toBe('阶段没有键 "typ"\n您是否想写 "type"？');
  });

  it("says what runs wait for, and the same in English when the language is changed", async () => {
    const waiting = 'stage 1 ("deploy") waits for a message on channel qa-passed or a call of the webhook of stages[0].triggers.conditions[0]';
    expect(said(waiting)).toBe('阶段 1（"deploy"）等待频道 qa-passed 上的消息，或调用 stages[0].triggers.conditions[0] 的 Webhook');
    await setLanguage("en");
    expect(said(waiting)).toBe(waiting);
    await setLanguage("zh-CN");
  });
});
