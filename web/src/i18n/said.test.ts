import { describe, expect, it } from "vitest";
import catalogue from "../../../internal/words/zh-CN.json";
import cases from "../../../internal/words/testdata/cases.json";
import { sayer } from "./said";
import { zh } from "./zh";

describe("what the server says in Chinese", () => {
  const say = sayer(catalogue);
  it.each(Object.entries(cases))("%s", (english, chinese) => expect(say(english)).toBe(chinese));

  it("is kept within bounds by texts that are no sentences", () => {
    const odd = `${"a or b and c; d: (e, ".repeat(150)}"`;
    const started = performance.now();
    expect(say(odd)).toBe(odd);
    expect(say("x".repeat(5000))).toHaveLength(5000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("has the words of the console for states", () => {
    const words: Record<string, string> = catalogue.words;
    for (const [state, word] of Object.entries(zh.state)) expect([state, words[state]]).toEqual([state, word]);
  });
});
