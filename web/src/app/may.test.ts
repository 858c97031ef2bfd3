import { describe, expect, it } from "vitest";
import { summary, waitsFor } from "../features/overview/page";
import type { Noun } from "../api/client";
import { asks, mayOf } from "./may";

const user = (name: string, role?: "read" | "edit" | "manage", admin = false) => ({ name, admin, groups: role ? [{ group: "team", role }] : [] }) as unknown as Noun<"Me">;
const review = (over: Partial<Noun<"ReviewRun">>): Noun<"ReviewRun"> => ({ mode: "one", ...over });
const run = (over: Partial<Noun<"Run">>) => ({ id: "1", state: "waiting", created_at: "2026-01-01T00:00:00Z", ...over }) as Noun<"Run">;
const stage = (r: Noun<"ReviewRun">, state = "waiting") => [{ name: "ask", type: "review", state, review: r }] as unknown as Noun<"Run">["stages"];

describe("what somebody may", () => {
  it("includes the smaller roles, in the group alone", () => {
    const may = mayOf(user("eve", "edit"));
    expect([may.in("team", "read"), may.in("team", "edit"), may.in("team", "manage"), may.in("other", "read"), may.in(undefined, "read")]).toEqual([true, true, false, false, false]);
    expect([may.anywhere("edit"), may.anywhere("manage"), mayOf(undefined).anywhere("read")]).toEqual([true, false, false]);
  });
  it.each([
    ["by name", review({ users: ["eve"] }), user("eve"), true],
    ["not by another name", review({ users: ["bob"] }), user("eve", "manage"), false],
    ["for a role", review({ groups: [{ group: "team", role: "edit" }] }), user("eve", "manage"), true],
    ["not for a smaller role", review({ groups: [{ group: "team", role: "edit" }] }), user("eve", "read"), false],
    ["not an administrator who is not named", review({ users: ["bob"] }), user("admin", undefined, true), false],
    ["an administrator for any role", review({ groups: [{ group: "team", role: "manage" }] }), user("admin", undefined, true), true],
  ])("is asked by a review: %s", (_, r, who, want) => expect(asks(r, who)).toBe(want));
});

describe("the overview", () => {
  const asked = stage(review({ users: ["eve"] }));
  it.each([
    ["a review that asks her", user("eve"), run({ stages: asked }), true],
    ["somebody else's", user("bob"), run({ stages: asked }), false],
    ["one that she has answered", user("eve"), run({ stages: stage(review({ users: ["eve", "bob"], mode: "all", votes: [{ user: "eve", approve: true, at: "" }] })) }), false],
    ["one that is over", user("eve"), run({ stages: stage(review({ users: ["eve"] }), "succeeded") }), false],
    ["a held run of her group", user("eve", "read"), run({ state: "held" }), true],
    ["a held run of another group", user("eve"), run({ state: "held" }), false],
  ])("says what waits for a user: %s", (_, who, r, want) => expect(waitsFor(who, { group: "team" }, r)).toBe(want));
  it("sorts runs by what becomes of them", () => {
    const states = ["running", "queued", "waiting", "held", "failed", "timed-out", "succeeded", "canceled"];
    const s = summary(states.map((state) => ({ last_run: run({ state }) }) as Noun<"Pipeline">), []);
    expect([s.running, s.waiting, s.failed].map((l) => l.map((r) => r.state))).toEqual([["running", "queued"], ["waiting", "held"], ["failed", "timed-out"]]);
  });
});
