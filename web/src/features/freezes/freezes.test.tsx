import { configure, fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { startTexts } from "../../i18n";
import { show, type Answer, type Asked } from "../../test/page";
import { toField } from "../../ui/moment";

const { NewFreeze } = await import("./form");
const { phaseOf } = await import("./page");

beforeAll(() => startTexts("en"));
configure({ defaultHidden: true });

const as = (me: object) => ({ path }: Asked): Answer => ({ body: path === "/api/v1/whoami" ? me : path === "/api/v1/groups" ? { items: [{ name: "shop" }, { name: "data" }] } : { items: [] } });
const button = () => screen.getByRole("button", { name: "Begin a freeze" });
const choose = async (label: string, title: string) => {
  fireEvent.mouseDown(screen.getByLabelText(label));
  fireEvent.click(await screen.findByTitle(title)); // it comes once the rights and the names are known
};

describe("a new freeze", () => {
  it("of everything needs a reason and an end, and begins now unless it says when", async () => {
    const closed = vi.fn();
    const page = show(<NewFreeze onClose={closed} />, as({ name: "admin", admin: true, groups: [] }));
    expect(button()).toBeDisabled();
    await choose("For", "everything");
    fireEvent.change(screen.getByLabelText(/^Reason/), { target: { value: "holidays" } });
    fireEvent.change(screen.getByLabelText("Until"), { target: { value: "" } });
    expect(button()).toBeDisabled();
    const until = "2027-01-03T08:30:00.000Z";
    fireEvent.change(screen.getByLabelText("Until"), { target: { value: toField(until) } });
    fireEvent.click(button());
    await waitFor(() => expect(closed).toHaveBeenCalled());
    expect(page.changes()).toEqual([{ method: "POST", path: "/api/v1/freezes", body: { scope: "all", reason: "holidays", until } }]);
  });

  it("offers what the rights allow: who manages a group freezes that group", async () => {
    const closed = vi.fn();
    const page = show(<NewFreeze onClose={closed} />, as({ name: "ann", admin: false, groups: [{ group: "shop", role: "manage" }, { group: "data", role: "edit" }] }));
    await choose("For", "Group");
    expect(screen.queryByTitle("everything")).toBeNull();
    expect(screen.queryByTitle("Target")).toBeNull();
    fireEvent.change(screen.getByLabelText(/^Reason/), { target: { value: "moving house" } });
    expect(button()).toBeDisabled();
    await choose("Name", "shop");
    expect(screen.queryByTitle("data")).toBeNull();
    fireEvent.click(button());
    await waitFor(() => expect(page.changes()).toMatchObject([{ body: { scope: "group", name: "shop", reason: "moving house" } }]));
  });
});

describe("how far a freeze is", () => {
  const freeze = { from: "2026-12-24T00:00:00Z", until: "2026-12-27T00:00:00Z" };
  it.each([["2026-12-23T23:59:59Z", "coming"], ["2026-12-24T00:00:00Z", "active"], ["2026-12-27T00:00:00Z", "over"]])("at %s: %s", (now, phase) => {
    expect(phaseOf(freeze, Date.parse(now))).toBe(phase);
  });
  it("is told apart once it was lifted", () => {
    expect(phaseOf({ ...freeze, lifted_at: "2026-12-25T00:00:00Z" }, Date.parse("2026-12-25T01:00:00Z"))).toBe("lifted");
  });
});
