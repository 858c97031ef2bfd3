import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { show } from "../../test/page";
import { mayOf } from "../../app/may";
import { startTexts } from "../../i18n";

const { NewUser } = await import("./form");
const { FirstPassword } = await import("./first");
const { GrantDialog } = await import("../groups/members");

beforeAll(() => startTexts("en"));

const admin = { name: "admin", admin: true, groups: [], must_change: true };

describe("what one may do", () => {
  it("follows from the roles, each of which holds the ones before it", () => {
    const may = mayOf({ admin: false, groups: [{ group: "shop", role: "edit" }] });
    expect([may.in("shop", "read"), may.in("shop", "edit"), may.in("shop", "manage"), may.in("other", "read"), may.in(undefined, "read")]).toEqual([true, true, false, false, false]);
    expect([may.anywhere("edit"), may.anywhere("manage"), may.admin]).toEqual([true, false, false]);
    expect(mayOf({ admin: true, groups: [] }).in("other", "manage")).toBe(true);
    expect(mayOf(undefined).anywhere("read")).toBe(false);
  });
});

describe("the form of a new user", () => {
  it("sends what was typed and nothing that was left empty", async () => {
    const user = userEvent.setup();
    const closed = vi.fn();
    const page = show(<NewUser onClose={closed} />, () => ({ body: {} }));
    await user.type(screen.getByLabelText("Name"), "dora");
    expect(screen.getByRole("button", { name: "Create" })).toBeDisabled();
    await user.type(screen.getByLabelText(/^Password/), "dora-password");
    await user.click(screen.getByRole("button", { name: "Create" }));
    await waitFor(() => expect(closed).toHaveBeenCalled());
    expect(page.changes()).toEqual([{ method: "POST", path: "/api/v1/users", body: { name: "dora", password: "dora-password", locale: "zh-CN", admin: false } }]);
  });
  it("stays open and says why when the server refuses", async () => {
    const user = userEvent.setup();
    const closed = vi.fn();
    show(<NewUser onClose={closed} />, () => ({ status: 409, detail: "user dora exists" }));
    await user.type(screen.getByLabelText("Name"), "dora");
    await user.type(screen.getByLabelText(/^Password/), "dora-password{Enter}");
    expect(await screen.findByText("user dora exists")).toBeVisible();
    expect(closed).not.toHaveBeenCalled();
    expect(screen.getByLabelText("Name")).toHaveValue("dora");
  });
});

describe("the first password", () => {
  beforeEach(() => sessionStorage.clear());
  it("is changed when both new ones are the same", async () => {
    const user = userEvent.setup();
    const page = show(<FirstPassword user="admin" />, () => ({ body: {} }));
    await user.type(screen.getByLabelText("Present password"), "made-up-one");
    await user.type(screen.getByLabelText(/^New password \(/), "my-own-one");
    await user.type(screen.getByLabelText("New password again"), "my-own-two");
    expect(screen.getByText("The two passwords differ")).toBeVisible();
    expect(screen.getByRole("button", { name: "Save" })).toBeDisabled();
    await user.clear(screen.getByLabelText("New password again"));
    await user.type(screen.getByLabelText("New password again"), "my-own-one");
    await user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(page.changes()).toEqual([{ method: "PUT", path: "/api/v1/users/admin/password", body: { password: "my-own-one", old_password: "made-up-one" } }]));
  });
  it("can be put off until the next time the browser is opened", async () => {
    const user = userEvent.setup();
    show(<FirstPassword user="admin" />, () => ({ body: {} }));
    await user.click(screen.getByRole("button", { name: "Later" }));
    expect(sessionStorage.getItem("fairlead.password-later")).toBe("admin");
  });
});

describe("giving a role", () => {
  it("asks for a user and a role, and offers to administrators those who have none", async () => {
    const user = userEvent.setup();
    const granted = vi.fn().mockResolvedValue(undefined);
    show(<GrantDialog group="shop" taken={["bob"]} onGrant={granted} onClose={() => undefined} />, ({ path }) =>
      path === "/api/v1/whoami" ? { body: admin } : { body: { items: [{ name: "alice" }, { name: "bob" }] } });
    await user.click(screen.getByRole("combobox", { name: "User" }));
    expect(await screen.findByTitle("alice")).toBeInTheDocument();
    expect(screen.queryByTitle("bob")).toBeNull();
    await user.type(screen.getByRole("combobox", { name: "User" }), "alice");
    await user.click(screen.getByRole("button", { name: "Give a role" }));
    await waitFor(() => expect(granted).toHaveBeenCalledWith("alice", "read"));
  });
});
