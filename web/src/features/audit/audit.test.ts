import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { phaseOf } from "../freezes/page";
import { fitting } from "../gallery/list";
import { stagesOf } from "../gallery/detail";
import { pipelineOf, type PipelineTemplate } from "../gallery/text";
import { windowsAt } from "../pipelines/turns";
import { change, readText, set } from "../pipelines/document";
import { fromField, toField } from "../../ui/moment";
import { isSpan } from "../../ui/windows";
import { everyVerbKnown, hasWords, whatOf, whoOf } from "./words";

// What asks and changes nothing leaves no entry.
const onlyReads = ["validateTemplate", "validatePipeline", "previewStack", "checkTarget", "renderPipelineTemplate"];

describe("the audit log", () => {
  it("has a sentence in both languages for every operation of the API that changes or starts something", () => {
    const document = JSON.parse(readFileSync("openapi.json", "utf8")) as { paths: Record<string, Record<string, { operationId?: string }>> };
    const operations = Object.values(document.paths).flatMap((methods) => Object.entries(methods).filter(([m]) => m !== "get").map(([, o]) => o.operationId ?? ""));
    expect(operations.length).toBeGreaterThan(30);
    expect(operations.filter((o) => !onlyReads.includes(o) && !hasWords(o))).toEqual([]);
  });
  it("tells who did what, and what somebody was refused", () => {
    const entry = { user: "bob", operation: "deletePipeline", verb: "delete", kind: "pipelines", name: "web" };
    expect([whoOf(entry, "en"), whatOf(entry, "en"), whatOf(entry, "zh-CN")]).toEqual(["bob", "deleted pipeline web", "删除了流水线 web"]);
    expect([whatOf({ ...entry, result: "refused" }, "en"), whatOf({ ...entry, result: "refused" }, "zh-CN")]).toEqual(["tried to delete pipeline web", "试图删除流水线 web"]);
    expect(whoOf({ ...entry, user: "", via: "schedule" }, "zh-CN")).toBe("定时任务");
    expect(whatOf({ ...entry, operation: "newThing" }, "en")).toBe("newThing pipelines web");
    expect(everyVerbKnown()).toEqual([]);
  });
});

describe("a freeze", () => {
  const freeze = { from: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z" };
  it.each([["2025-12-31T23:59:59Z", "coming"], ["2026-01-01T00:00:00Z", "active"], ["2026-01-02T00:00:00Z", "over"]])("is at %s %s", (at, phase) => {
    expect(phaseOf(freeze, Date.parse(at))).toBe(phase);
    expect(phaseOf({ ...freeze, lifted_at: at }, Date.parse(at))).toBe("lifted");
  });
});

describe("moments and spans", () => {
  it("come through a field of the browser as they were, to the minute", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 60_000_000 }), (minutes) => {
      const iso = new Date(minutes * 60_000).toISOString();
      expect(fromField(toField(iso))).toBe(iso);
    }));
    expect([toField(undefined), toField("nonsense"), fromField("")]).toEqual(["", "", undefined]);
  });
  it.each([["8h", true], ["1h30m", true], ["45m", true], ["", false], ["8", false], ["0h", false], ["8 hours", false]])("%j is a span: %s", (text, right) => {
    expect(isSpan(text)).toBe(right);
  });
});

describe("windows in a pipeline file", () => {
  it("are read and written as they are", () => {
    const windows = [{ cron: "0 9 * * 1-5", duration: "8h", timezone: "Asia/Shanghai" }, { cron: "0 2 * * *", duration: "1h" }];
    const text = change("name: shop # kept\n", set(["windows"], windows));
    const { doc } = readText(text);
    expect(text).toContain("# kept");
    expect(doc && windowsAt({ doc }, ["windows"])).toEqual(windows);
    expect(doc && windowsAt({ doc }, ["other"])).toEqual([]);
  });
});

describe("pipeline templates", () => {
  const source = "category: test\ntitle: T\n---\nname: \"{name}\"\nstages:\n  - {name: a, type: job}\n  - {name: b, type: review, needs: [a]}\n";
  it("show the pipeline after their head", () => {
    expect(pipelineOf(source).startsWith("name: ")).toBe(true);
    expect(stagesOf(pipelineOf(source))).toEqual([{ name: "a", type: "job", needs: undefined }, { name: "b", type: "review", needs: ["a"] }]);
    expect(stagesOf("a: [")).toEqual([]);
  });
  it("are found by kind, category and text in either language", () => {
    const one = { name: "x", kind: "sample", category: "test", title: { en: "Nightly", zh: "每夜" }, description: { en: "" }, placeholders: [] } as PipelineTemplate;
    expect(fitting([one], { search: "每夜", kind: "sample", category: "test" })).toEqual([one]);
    expect([fitting([one], { kind: "own" }), fitting([one], { category: "chain" }), fitting([one], { search: "zzz" })]).toEqual([[], [], []]);
  });
});
