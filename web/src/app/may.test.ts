import { describe, expect, it } from "vitest";
import { summary } from "../features/overview/page";
import type { Noun } from "../api/client";
import { asks, mayOf } from "./may";

const user = (name: string, role?: "read" | "edit" | "manage", admin = false) => ({ name, admin, groups: role ? [{ group: "team", role }] : [] }) as unknown as Noun<"Me">;
const review = (over: Partial<Noun<"ReviewRun">>): Noun<"ReviewRun"> => ({ mode: "one", ...over });

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
  it("tells stacks that are busy, bad and well apart", () => {
    const stack = (name: string, status: string, health: string) => ({ name, status, health }) as Noun<"Stack">;
    const s = summary([stack("a", "running", "healthy"), stack("b", "running", "unhealthy"), stack("c", "abnormal", "unknown"), stack("d", "processing", "progressing")]);
    expect([s.healthy, s.bad.map((x) => x.name), s.busy.map((x) => x.name)]).toEqual([1, ["b", "c"], ["d"]]);
  });
});
