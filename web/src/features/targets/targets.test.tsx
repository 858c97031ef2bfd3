import { configure, fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Noun } from "../../api/client";
import { startTexts } from "../../i18n";
import { show } from "../../test/page";

const { TargetRules } = await import("./rules");

beforeAll(() => startTexts("en"));
configure({ defaultHidden: true });

const target: Noun<"Target"> = {
  name: "local", kind: "engine", created_at: "2026-11-26T10:00:00Z", limits: { stages: 4 }, windows: [{ cron: "0 9 * * 1-5", duration: "8h0m0s", timezone: "Asia/Shanghai" }],
};

describe("the rules of a target", () => {
  it("are shown as they are, and sent as they were changed", async () => {
    const closed = vi.fn();
    const page = show(<TargetRules target={target} onClose={closed} />, () => ({ body: {} }));
    expect(screen.getByLabelText("For 1")).toHaveValue("8h");
    fireEvent.change(screen.getByLabelText(/^Deploying stages at once/), { target: { value: "2" } });
    fireEvent.click(screen.getByRole("button", { name: "Add window" }));
    fireEvent.change(screen.getByLabelText("For 2"), { target: { value: "soon" } });
    expect(screen.getByRole("button", { name: "Save" })).toBeDisabled();
    fireEvent.change(screen.getByLabelText("For 2"), { target: { value: "1h30m" } });
    fireEvent.click(screen.getByLabelText("Remove Windows 1"));
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(closed).toHaveBeenCalled());
    expect(page.changes()).toMatchObject([{ method: "PATCH", path: "/api/v1/targets/local", body: { limits: { stages: 2 }, windows: [{ cron: "0 9 * * 1-5", duration: "1h30m" }] } }]);
  });

  it("stay open with what was typed when the server refuses", async () => {
    const closed = vi.fn();
    show(<TargetRules target={target} onClose={closed} />, () => ({ status: 422, detail: "windows[0].cron: want five fields" }));
    fireEvent.change(screen.getByLabelText("Opens (cron) 1"), { target: { value: "never" } });
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await screen.findByText("windows[0].cron: want five fields");
    expect(screen.getByLabelText("Opens (cron) 1")).toHaveValue("never");
    expect(closed).not.toHaveBeenCalled();
  });
});
