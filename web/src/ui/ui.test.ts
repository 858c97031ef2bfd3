import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { staleKeys } from "../api/live";
import { safeNext } from "../features/login/page";
import { joinImage, splitImage } from "../features/pipelines/images";
import { freeName } from "../features/pipelines/edit";
import { elementsOf } from "../features/templates/elements";
import { en } from "../i18n/en";
import { zh } from "../i18n/zh";
import { firstLanguage, formats } from "../i18n";
import { openVariable } from "./complete";
import { wrong } from "./inputs";
import { filtered } from "./list";
import { tidySpan } from "./windows";
import { needsOf } from "../features/stacks/detail";
import { factText } from "../features/runs/compare";
import { inSight, lineHeight } from "./log";
import { diffLines } from "./textdiff";

describe("words for what the server says", () => {
  it("leave out the parts of a span that are nothing", () => {
    expect(["24h0m0s", "1h30m0s", "10h0m0s", "0h20m0s", "90s", "soon"].map(tidySpan)).toEqual(["24h", "1h30m", "10h", "20m", "90s", "soon"]);
  });
  it("name the facts of a stage, and keep those that they do not know", () => {
    const t = (key: string, values?: Record<string, string | number>) => `${key} ${values?.name ?? ""}`.trim();
    expect(["digest of image app", "image app", "state", "exit code", "something new"].map((name) => factText(name, t))).toEqual(["differs.digest app", "differs.image app", "differs.state", "differs.exitCode", "something new"]);
  });
});

describe("what an element of a stack needs", () => {
  it("is a reference where the template only reads it, and a dependency elsewhere", () => {
    const written = new Map(elementsOf("node_templates:\n  web:\n    type: T\n    properties: {a: {get_reference: settings}, b: {get_attribute: [db, url]}}\n    requirements: [{dependency: {node: db}}]\n  settings: {type: T}\n  db: {type: T}\n").map((e) => [e.name, e]));
    expect(needsOf({ element: "web", requires: ["settings", "db"] }, written)).toEqual({ requires: ["db"], refers: ["settings"] });
    expect(needsOf({ element: "part-001", requires: ["settings"] }, written)).toEqual({ requires: ["settings"], refers: [] });
  });
});

describe("texts", () => {
  it("name the same values in both languages", () => {
    const values = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();
    for (const [section, texts] of Object.entries(en)) {
      for (const [key, text] of Object.entries(texts)) {
        const other = (zh as Record<string, Record<string, string>>)[section]?.[key];
        expect(other, `${section}.${key}`).toBeTruthy();
        expect(values(other ?? ""), `${section}.${key}`).toEqual(values(text));
      }
    }
  });
  it("begin in the language that was chosen, else in the browser's", () => {
    expect(firstLanguage("en", ["zh-CN"])).toBe("en");
    expect(firstLanguage(null, ["fr", "zh-TW"])).toBe("zh-CN");
    expect(firstLanguage("xx", ["de"])).toBe("en");
  });
  it("write durations and sizes", () => {
    const f = formats("en");
    expect(f.duration("2026-01-01T00:00:00Z", "2026-01-01T01:30:00Z")).toBe("1h 30m");
    expect(f.duration(undefined, undefined)).toBe("–");
    expect(f.bytes(1_500_000)).toBe("1.5 MB");
    expect(f.ago("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z"))).toBe("5 minutes ago");
  });
});

describe("inputs", () => {
  const input = (type: string, constraints: Record<string, unknown> = {}) => ({ name: "n", type, required: false, constraints });
  it.each([
    ["integer", {}, "1.5", false], ["integer", { in_range: [1, 20] }, "20", true], ["integer", { in_range: [1, 20] }, "21", false],
    ["string", { regex: "^a+$" }, "aaa", true], ["string", { regex: "^a+$" }, "ab", false], ["string", { max_length: 2 }, "abc", false],
    ["boolean", {}, "maybe", false], ["string", { valid_values: ["a", 2] }, "2", true], ["integer", { greater_than: 3 }, "3", false],
    ["integer", { in_range: [1, 20] }, "${replicas}", true], ["string", { regex: "(" }, "x", true],
  ])("%s with %j: %s is right: %s", (type, constraints, value, right) => {
    expect(wrong(input(type, constraints), value) === undefined).toBe(right);
  });
});

describe("images", () => {
  it("come apart and together again", () => {
    expect(splitImage("team/shop/web:${tag}")).toEqual({ org: "team", repo: "shop/web", tag: "${tag}" });
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]+$/), fc.stringMatching(/^[a-z/]+$/), fc.stringMatching(/^[a-z0-9.$]+$/), (org, repo, tag) => {
        expect(splitImage(joinImage({ org, repo, tag }))).toEqual({ org, repo, tag });
      }),
    );
  });
});

describe("variables", () => {
  it.each([
    ["${", 2, { before: "", typed: "", after: "" }], ["a-${ta} b", 6, { before: "a-", typed: "ta", after: " b" }], ["x${im.y}/${t", 12, { before: "x${im.y}/", typed: "t", after: "" }],
    ["$${t", 4, undefined], ["tag", 3, undefined], ["${tag} ", 7, undefined],
  ])("%s is open at %i: %j", (text, caret, want) => expect(openVariable(text, caret)).toEqual(want));
});

describe("small things", () => {
  it("go on after the sign-in only within the console", () => {
    expect(safeNext("/stacks?x=1")).toBe("/stacks?x=1");
    for (const bad of ["//evil.example", "https://evil.example", "/\\evil.example", undefined]) expect(safeNext(bad)).toBe("/");
  });
  it("find a free name", () => expect(freeName(["deploy", "deploy-2"], "deploy")).toBe("deploy-3"));
  it("filter by text and chosen values", () => {
    const items = [{ name: "Shop", s: "a" }, { name: "web-shop", s: "b" }, { name: "x", s: "a" }];
    expect(filtered(items, { search: "shop" }).length).toBe(2);
    expect(filtered(items, { search: "shop", status: "b" }, { status: (i) => i.s })).toEqual([items[1]]);
  });
  it("mark what an event speaks of as stale", () => {
    expect(staleKeys({ kind: "run", name: "1" })).toContainEqual(["pipelines"]);
    expect(staleKeys({ kind: "else", name: "" })).toEqual([]);
  });
  it("draw only the lines in sight of a long log", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(2_000_000), (count, top) => {
        const [from, to] = inSight(count, top, 440);
        expect(to - from).toBeLessThanOrEqual(440 / lineHeight + 42);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(count);
      }),
    );
  });
});

describe("the difference of two texts", () => {
  it("gives both texts back", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((l) => l.join("\n"));
    for (const most of [4_000_000, 0]) {
      fc.assert(
        fc.property(text, text, (a, b) => {
          const lines = diffLines(a, b, most);
          expect(lines.filter((l) => l.kind !== "add").map((l) => l.text).join("\n")).toBe(a);
          expect(lines.filter((l) => l.kind !== "del").map((l) => l.text).join("\n")).toBe(b);
        }),
      );
    }
  });
});

describe("the elements of a template", () => {
  it("need what they require and refer to", () => {
    const text = `
node_templates:
  web: {type: HuaweiCloud.CCE.Deployment, requirements: [{dependency: {node: config}}], properties: {x: {get_attribute: [db, refName]}}}
  config: {type: CCE.ConfigMap}
  db: {type: CCE.StatefulSet, properties: {n: {concat: [a, {get_reference: gone}]}}}
`;
    expect(elementsOf(text)).toMatchObject([{ name: "web", type: "CCE.Deployment", requires: ["config"], refers: ["db"] }, { name: "config" }, { name: "db", requires: [] }]);
    expect(elementsOf("a: [")).toEqual([]);
  });
});
