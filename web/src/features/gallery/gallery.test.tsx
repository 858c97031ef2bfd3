import { configure, fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Noun } from "../../api/client";
import { startTexts } from "../../i18n";
import { show } from "../../test/page";
import type { PipelineTemplate } from "./text";

// Nothing is gone to here: what would be opened next is only noted down.
const gone = vi.fn();
vi.mock("@tanstack/react-router", async (original) => ({ ...(await original<object>()), useNavigate: () => gone }));

const { ExportDialog } = await import("./export");
const { FillForm } = await import("./fill");
const { fitting } = await import("./list");

beforeAll(() => startTexts("en"));
configure({ defaultHidden: true });
beforeEach(() => gone.mockReset());

const pipeline = { name: "shop", spec: { variables: [{ name: "tag", value: "1.0", description: "image tag" }, { name: "region", value: "east" }] } } as unknown as Noun<"Pipeline">;

describe("making a template of a pipeline", () => {
  it("asks for the values of the variables that were chosen, and goes to what was made", async () => {
    const closed = vi.fn();
    const page = show(<ExportDialog pipeline={pipeline} onClose={closed} />, () => ({ body: {} }));
    const name = screen.getByLabelText("Name of the template");
    expect(name).toHaveValue("shop");
    fireEvent.change(name, { target: { value: "" } });
    expect(screen.getByRole("button", { name: "Make a template" })).toBeDisabled();
    fireEvent.change(name, { target: { value: "our-way" } });
    fireEvent.change(screen.getByLabelText("Title"), { target: { value: "Our way" } });
    fireEvent.click(screen.getByRole("checkbox", { name: /tag/ }));
    fireEvent.click(screen.getByRole("button", { name: "Make a template" }));
    await waitFor(() => expect(closed).toHaveBeenCalled());
    expect(page.changes()).toEqual([{
      method: "POST", path: "/api/v1/pipelines/shop/export",
      body: { template: "our-way", category: "other", title: { en: "Our way", zh: "Our way" }, placeholders: [{ name: "tag", variable: "tag", description: { en: "image tag", zh: "image tag" } }] },
    }]);
    expect(gone).toHaveBeenCalledWith(expect.objectContaining({ params: { name: "our-way" } }));
  });

  it("says why when the name is taken, and loses nothing", async () => {
    show(<ExportDialog pipeline={pipeline} onClose={() => undefined} />, () => ({ status: 409, detail: "pipeline template shop exists" }));
    fireEvent.change(screen.getByLabelText("Title"), { target: { value: "Mine" } });
    fireEvent.click(screen.getByRole("button", { name: "Make a template" }));
    await screen.findByText("pipeline template shop exists");
    expect(screen.getByLabelText("Title")).toHaveValue("Mine");
    expect(gone).not.toHaveBeenCalled();
  });
});

const template = (more: Partial<PipelineTemplate>): PipelineTemplate => ({
  name: "canary", kind: "sample", category: "gray-release", title: { en: "Canary", zh: "金丝雀" }, description: { en: "A small one first", zh: "" }, created_at: "2026-11-26T10:00:00Z", placeholders: [], ...more,
});

describe("the form of a pipeline template", () => {
  const sample = template({ placeholders: [
    { name: "name", required: true, description: { en: "Name of the pipeline" } },
    { name: "image", required: true, description: { en: "Image" } },
    { name: "replicas", required: false, default: "3", description: { en: "Replicas" } },
    { name: "token", secret: true, required: true, description: { en: "Token" } },
  ] });

  it("wants what is required, masks secrets, and asks the server with what was typed", async () => {
    const page = show(<FillForm template={sample} />, ({ path }) => ({ body: path.endsWith("/render") ? { name: "mine", source: "name: mine\n" } : { items: [] } }));
    const make = screen.getByRole("button", { name: "Go on in the editor" });
    expect(make).toBeDisabled();
    expect(screen.getByLabelText("Replicas")).toHaveValue("3");
    expect(screen.getByLabelText("Token")).toHaveAttribute("type", "password");
    for (const [label, value] of [["Name of the pipeline", "mine"], ["Image", "team/shop"], ["Token", "s3cret"]] as const) fireEvent.change(screen.getByLabelText(label), { target: { value } });
    fireEvent.click(make);
    await waitFor(() => expect(page.changes()[0]).toEqual({ method: "POST", path: "/api/v1/pipeline-templates/canary/render", body: { values: { name: "mine", image: "team/shop", replicas: "3", token: "s3cret" } } }));
    await waitFor(() => expect(gone).toHaveBeenCalledWith({ to: "/pipelines/new", state: { source: "name: mine\n" } }));
  });
});

describe("the gallery", () => {
  it("finds by kind, category, and words in either language", () => {
    const all = [template({}), template({ name: "our-way", kind: "own", category: "other", title: { en: "Our way" } })];
    const names = (filter: Parameters<typeof fitting>[1]) => fitting(all, filter).map((x) => x.name);
    expect(names({})).toEqual(["canary", "our-way"]);
    expect(names({ kind: "own" })).toEqual(["our-way"]);
    expect(names({ category: "gray-release" })).toEqual(["canary"]);
    expect(names({ search: "金丝" })).toEqual(["canary"]);
    expect(names({ search: "SMALL one" })).toEqual(["canary", "our-way"]);
    expect(names({ search: "nothing" })).toEqual([]);
  });
});
