import { useState } from "react";
import { configure, fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Finding } from "../../api/client";
import { startTexts } from "../../i18n";
import { show, type Answer, type Asked } from "../../test/page";
import { change, readText, set } from "./document";

const { ConditionsForm } = await import("./conditions");
const { JobForm } = await import("./job");
const { PaceForm, TurnForm } = await import("./turns");
const { ErrorForm } = await import("./errors");
const { FlowForm } = await import("./flow");
const { NotificationsForm } = await import("./notifications");
const { Parameters } = await import("./parameters");
const { ReviewForm } = await import("./review");
const { Conflict } = await import("./conflict");

beforeAll(() => startTexts("en"));
configure({ defaultHidden: true }); // what is hidden is not asked for each element, which takes most of the time

const file = `name: shop
variables:
  - {name: tag, value: "1.0"}
stages:
  - {name: test, type: review, review: {users: [ann]}}
  - name: deploy # the last one
    type: template-deploy
`;

const empty = (): Answer => ({ body: { items: [] } });
type Part = (bound: { doc: ReturnType<typeof mustRead>; text: string; onChange: (text: string) => void; findings: Finding[] }) => React.ReactNode;

function mustRead(text: string) {
  const { doc } = readText(text);
  if (!doc) throw new Error(text);
  return doc;
}

/** Draws a part of the form over the text, and gives what the text says now. */
function form(part: Part, reply: (asked: Asked) => Answer = empty, findings: Finding[] = []) {
  let now = file;
  function Page() {
    const [text, setText] = useState(file);
    return part({ doc: mustRead(text), text, findings, onChange: (next) => { now = next; setText(next); } });
  }
  show(<Page />, reply);
  return () => parse(now) as { start?: unknown; stages: Record<string, unknown>[] };
}

const stage = ["stages", 1];
const click = (element: HTMLElement | undefined) => fireEvent.click(element ?? document.body);
const write = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });

describe("the forms of a stage", () => {
  it("write retries and what follows a failure, and take them away again", () => {
    const now = form((bound) => <ErrorForm bound={bound} path={stage} />);
    write(screen.getByLabelText("Try again by itself", { selector: "input" }), "3");
    click(screen.getByLabelText(/stop and hold/));
    click(screen.getByLabelText(/take the stack back/));
    expect(now().stages[1]).toEqual({ name: "deploy", type: "template-deploy", retry: { attempts: 3 }, on_error: { action: "stop", hold: "72h" }, rollback: true });
    click(screen.getByLabelText(/ignore it/));
    expect(now().stages[1]).toMatchObject({ on_error: { action: "ignore" } });
  });

  it("write which stages one follows", () => {
    const now = form((bound) => <FlowForm bound={bound} path={stage} name="deploy" names={["test", "deploy"]} />);
    click(screen.getByLabelText("follows the stage before it"));
    expect(now().stages[1]).toMatchObject({ needs: ["test"] });
    click(screen.getByRole("button", { name: "A variable" }));
    write(screen.getByLabelText("Value"), "prod");
    expect(now().stages[1]).toMatchObject({ when: [{ variable: "tag", equals: "prod" }] });
    click(screen.getByLabelText("follows the stage before it"));
    expect(now().stages[1]).not.toHaveProperty("needs");
  });

  it("write notifications with headers, of which secret ones are not shown", async () => {
    const now = form((bound) => <NotificationsForm bound={bound} path={[...stage, "notifications"]} />);
    click(screen.getByRole("button", { name: "Add notification" }));
    click(await screen.findByRole("menuitem", { name: "Webhook" }));
    click(screen.getByRole("button", { name: "Add Headers" }));
    for (const typed of ["", "X", "X-Token"]) write(screen.getByLabelText("Headers: Name 1"), typed);
    write(screen.getByLabelText("Headers: Value 1"), "s3cret");
    expect(screen.getByLabelText("Headers: Value 1")).toHaveAttribute("type", "password");
    expect(now().stages[1]).toMatchObject({ notifications: [{ webhook: { method: "POST", headers: { "X-Token": "s3cret" } }, outcomes: ["success", "failure"] }] });
  });

  it("write the environment of a job, of which secret variables are listed and not shown", () => {
    const now = form((bound) => <JobForm bound={bound} path={stage} />);
    const field = (what: string) => screen.getByLabelText(`Environment: ${what} 1`);
    click(screen.getByRole("button", { name: "Add Environment" }));
    write(field("Name"), "DATABASE");
    write(field("Value"), "hunter2");
    click(screen.getByRole("checkbox", { name: "secret" }));
    expect(field("Value")).toHaveAttribute("type", "password");
    write(field("Name"), "DB");
    expect(now().stages[1]).toMatchObject({ job: { env: { DB: "hunter2" }, secret_env: ["DB"] } });
    click(screen.getByRole("button", { name: "Remove DB" }));
    expect(now().stages[1]).not.toHaveProperty("job.secret_env");
  });

  it("write who reviews", async () => {
    const now = form((bound) => <ReviewForm bound={bound} path={["stages", 0, "review"]} />, ({ path }) => ({ body: { items: path.endsWith("groups") ? [{ name: "shop" }] : [] } }));
    click(screen.getByRole("button", { name: "Add group" }));
    click(screen.getByLabelText("A comment is needed"));
    await waitFor(() => expect(now().stages[0]).toMatchObject({ review: { users: ["ann"], groups: [{ role: "manage" }], comment: true } }));
  });

  it("show what the server found, at the field and in its words", () => {
    const findings: Finding[] = [{ code: "wrong-value", severity: "error", summary: "stage deploy: on_error.action: want stop", path: "stages[1].on_error.action" }, { code: "wrong-value", severity: "error", summary: "somewhere else", path: "stages[0].name" }];
    form((bound) => <ErrorForm bound={bound} path={stage} />, empty, findings);
    expect(screen.getByRole("alert")).toHaveTextContent("stage deploy: on_error.action: want stop");
    expect(screen.queryByText("somewhere else")).toBeNull();
  });
});

describe("the form of a job", () => {
  it("writes what the container is, word by word, and keeps what it does not know", () => {
    const now = form((bound) => <JobForm bound={bound} path={stage} />);
    write(screen.getByLabelText("Image"), "${image.app}");
    for (const [i, word] of ["/app", "test"].entries()) {
      click(screen.getByLabelText("Add Command"));
      write(screen.getByLabelText(`Command ${i + 1}`), word);
    }
    click(screen.getByLabelText("Add Environment"));
    write(screen.getByLabelText("Environment: Name 1"), "MODE");
    write(screen.getByLabelText("Environment: Value 1"), "strict");
    write(screen.getByLabelText("Memory, at most"), "256Mi");
    expect(now().stages[1]).toEqual({ name: "deploy", type: "template-deploy", job: { image: "${image.app}", command: ["/app", "test"], env: { MODE: "strict" }, memory: "256Mi" } });
    click(screen.getByLabelText("Remove Command 1"));
    click(screen.getByLabelText("Remove Command 1"));
    write(screen.getByLabelText("Memory, at most"), "");
    expect(now().stages[1]).toEqual({ name: "deploy", type: "template-deploy", job: { image: "${image.app}", env: { MODE: "strict" } } });
  });

  it("shows a mistake at its field", () => {
    form((bound) => <JobForm bound={bound} path={stage} />, empty, [{ code: "wrong-value", severity: "error", summary: "memory: want something like 256Mi", path: "stages[1].job.memory" }]);
    const field = screen.getByLabelText("Memory, at most").closest(".field");
    expect(field?.querySelector("[role=alert]")).toHaveTextContent("want something like 256Mi");
    expect(screen.getAllByRole("alert")).toHaveLength(1);
  });
});

describe("what a pipeline and its stages share with others", () => {
  it("is written as locks and windows of a stage", () => {
    const now = form((bound) => <TurnForm bound={bound} path={stage} />);
    click(screen.getByLabelText("Add Locks"));
    write(screen.getByLabelText("Locks 1"), "db-${region}");
    click(screen.getByRole("button", { name: "Add window" }));
    write(screen.getByLabelText("Opens (cron) 1"), "0 10 * * 2-4");
    write(screen.getByLabelText("For 1"), "two hours");
    expect(screen.getByRole("alert")).toHaveTextContent("want a duration such as 8h");
    write(screen.getByLabelText("For 1"), "2h");
    write(screen.getByLabelText("Time zone 1"), "");
    expect(screen.queryByRole("alert")).toBeNull();
    expect(now().stages[1]).toMatchObject({ locks: ["db-${region}"], windows: [{ cron: "0 10 * * 2-4", duration: "2h" }] });
    click(screen.getByLabelText("Remove Windows 1"));
    click(screen.getByLabelText("Remove Locks 1"));
    expect(now().stages[1]).toEqual({ name: "deploy", type: "template-deploy" });
  });

  it("is written as how many runs go on at once; one, as ever, is not written", () => {
    const now = form((bound) => <PaceForm bound={bound} />);
    write(screen.getByLabelText("Runs at once"), "3");
    expect(now()).toMatchObject({ max_runs: 3 });
    write(screen.getByLabelText("Runs at once"), "1");
    expect(now()).not.toHaveProperty("max_runs");
  });
});

describe("the parameters of a template", () => {
  const inputs = [
    { name: "image", type: "string", required: true },
    { name: "replicas", type: "integer", required: false, default: 2, constraints: { in_range: [1, 20] } },
    { name: "password", type: "password", required: false, secret: true },
    { name: "debug", type: "boolean", required: false, advanced: true },
  ];
  const draw = () =>
    form((bound) => <Parameters bound={bound} path={[...stage, "deploy", "parameters"]} template="web" version="1.0" images={["app"]} present={undefined} />, () => ({ body: { inputs } }));

  it("are completed after ${, checked while typing, and masked when they are secret", async () => {
    const now = draw();
    await userEvent.type(await screen.findByLabelText("image"), "${{im");
    click((await screen.findAllByText("${image.app}")).at(-1));
    expect(now().stages[1]).toMatchObject({ deploy: { parameters: { image: "${image.app}" } } });
    write(screen.getByLabelText("replicas"), "21");
    expect(screen.getByRole("alert")).toHaveTextContent("in_range: [1,20]");
    expect(screen.getByLabelText("password")).toHaveAttribute("type", "password");
    expect(screen.queryByLabelText("debug")).toBeNull();
    click(screen.getByLabelText("Show advanced inputs"));
    expect(screen.getByLabelText("debug")).toBeVisible();
  });
});

describe("trigger conditions", () => {
  it("map parameters of messages to variables and say how many must hold", async () => {
    const now = form((bound) => <ConditionsForm bound={bound} path={["start"]} />);
    for (const kind of ["Webhook", "Channel"]) {
      click(screen.getByRole("button", { name: "Add condition" }));
      click((await screen.findAllByRole("menuitem", { name: kind })).at(-1));
    }
    write(screen.getByLabelText("Channel"), "built");
    click(screen.getAllByRole("button", { name: "Add parameter" })[1]);
    write(screen.getByLabelText("Message parameter 1"), "version");
    click(screen.getByLabelText("all conditions"));
    expect(now().start).toEqual({ mode: "all", conditions: [{ webhook: {} }, { channel: { name: "built" }, params: [{ name: "version", variable: "tag" }] }] });
  });
});

describe("a conflict", () => {
  it("shows what differs, and loses neither text", () => {
    const chosen: string[] = [];
    show(<Conflict theirs={change(file, set(["description"], "theirs"))} yours={change(file, set(["description"], "mine"))} taken={false} onKeepMine={() => chosen.push("mine")} onTakeTheirs={() => chosen.push("theirs")} />, empty);
    const differences = screen.getByRole("region", { name: "Differences" });
    expect(differences).toHaveTextContent("- description: theirs");
    expect(differences).toHaveTextContent("+ description: mine");
    click(screen.getByRole("button", { name: "Save mine over it" }));
    click(screen.getByRole("button", { name: "Take the server's" }));
    expect(chosen).toEqual(["mine", "theirs"]);
  });
});
