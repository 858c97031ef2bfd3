// Who may do what, in a real browser against a real server: a group is made and a role given by hand, a pipeline is made from a
// sample, what happened is in the audit log, and somebody who may only read sees no buttons for the rest and is refused by the
// server. Every page about people and rules is looked at for accessibility and on a small screen. The environment is that of
// console.e2e.ts.
import { describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";
import { accessible, button, fits, heading, open, password, signIn, withBrowser } from "./browser";

withBrowser();

/** No serious finding of axe on the page as it is now, and nothing wider than a telephone. */
async function sound(page: Page, where: string) {
  await accessible(page, where);
  await fits(page, where);
}

describe.each([
  ["zh-CN", zh, "dark"],
  ["en", en, "light"],
] as const)("rights in %s", (language, w, theme) => {
  const suffix = language === "en" ? "en" : "zh";
  const team = `crew-${suffix}`;
  const reader = `reader-${suffix}`;
  const pipeline = `sample-${suffix}`;
  const secret = "reader-password";

  it("a group, a role, a pipeline from a sample, and the log of it all", async () => {
    const { context, page, errors } = await open({ language, theme });
    await signIn(page, w, "admin", password);

    await page.goto("/users");
    await heading(page, w.app.users);
    await button(page, w.users.create).click();
    const made = page.getByRole("dialog");
    await made.getByLabel(w.common.name, { exact: true }).fill(reader);
    await made.getByLabel(new RegExp(`^${w.users.password}`)).fill(secret);
    await made.getByRole("button", { name: w.common.create, exact: true }).click();
    await page.getByRole("cell", { name: reader, exact: true }).waitFor();
    await made.waitFor({ state: "hidden" });
    await sound(page, "users");

    await page.goto("/groups");
    await heading(page, w.places.groups);
    await button(page, w.groups.create).click();
    await page.getByRole("dialog").getByLabel(w.common.name, { exact: true }).fill(team);
    await page.getByRole("dialog").getByRole("button", { name: w.common.create, exact: true }).click();
    await heading(page, team);
    await button(page, w.groups.grant).click();
    const grant = page.getByRole("dialog");
    await grant.getByRole("combobox", { name: w.groups.user }).fill(reader);
    await page.locator(".ant-select-item-option", { hasText: reader }).waitFor(); // without it Enter would grant at once
    await page.keyboard.press("Enter");
    await grant.getByRole("button", { name: w.groups.grant, exact: true }).click();
    await page.getByRole("cell", { name: reader, exact: true }).waitFor();
    await grant.waitFor({ state: "hidden" });
    await sound(page, "group");

    await page.goto("/pipelines");
    await page.getByRole("link", { name: w.gallery.fromTemplate }).first().click();
    await heading(page, w.places.gallery);
    await page.locator('a[href="/pipeline-templates/deploy-on-push"]').first().waitFor();
    await sound(page, "gallery");
    await page.locator('a[href="/pipeline-templates/deploy-on-push"]').first().click();
    await page.locator("input[name=name]").fill(pipeline);
    await page.locator("input[name=image]").fill("demo/web");
    await page.locator("input[name=template]").fill("web");
    await page.locator("form").getByRole("combobox").first().click();
    await page.getByTitle(team, { exact: true }).click();
    await sound(page, "pipeline template");
    await button(page, w.gallery.toEditor).click();
    await heading(page, w.pipelines.newTitle);
    await page.getByRole("group", { name: w.pipelines.stages }).getByRole("button", { name: "deploy", exact: true }).waitFor();
    await button(page, w.common.save).click();
    await heading(page, pipeline);

    await page.goto(`/audit?name=${pipeline}`);
    await heading(page, w.places.audit);
    await page.getByRole("row").filter({ hasText: pipeline }).getByText("admin").first().waitFor();
    await page.getByRole("button", { name: new RegExp(`^${w.common.details}`) }).first().click();
    await page.getByText("applyPipeline").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("applyPipeline").waitFor({ state: "hidden" });
    await sound(page, "audit");

    await page.goto("/freezes");
    await heading(page, w.places.freezes);
    await button(page, w.freezes.create).click();
    await page.getByRole("dialog").getByLabel(w.freezes.scope).click();
    await page.getByTitle(w.freezes.pipeline, { exact: true }).click();
    await page.getByRole("dialog").getByRole("combobox", { name: w.common.name }).click();
    await page.getByTitle(pipeline, { exact: true }).click();
    await page.getByRole("dialog").getByLabel(w.freezes.reason).fill("holidays");
    await page.getByRole("dialog").getByRole("button", { name: w.freezes.create, exact: true }).click();
    const frozen = page.getByRole("row").filter({ hasText: pipeline });
    await frozen.getByText(w.freezes.active, { exact: true }).waitFor();
    await sound(page, "freezes");
    await frozen.getByRole("button", { name: new RegExp(`^${w.freezes.lift}`) }).click();
    await page.getByRole("dialog").getByRole("button", { name: w.freezes.lift, exact: true }).click();
    await frozen.waitFor({ state: "detached" });

    for (const [path, title] of [["/settings", w.places.settings], ["/account", w.app.account], ["/targets", w.app.targets]] as const) {
      await page.goto(path);
      await heading(page, title);
      await sound(page, path);
    }
    expect(errors).toEqual([]);
    await context.close();
  });

  it("who may only read sees it and can change nothing", async () => {
    const { context, page, errors } = await open({ language, theme });
    await signIn(page, w, reader, secret);
    const menu = page.getByRole("navigation");
    for (const hidden of [w.app.users, w.places.audit, w.places.settings]) expect(await menu.getByRole("link", { name: hidden, exact: true }).count(), hidden).toBe(0);

    await page.goto("/pipelines");
    await page.getByRole("link", { name: pipeline, exact: true }).waitFor();
    expect(await page.getByRole("link", { name: w.pipelines.create }).count()).toBe(0);
    await page.getByRole("link", { name: pipeline, exact: true }).click();
    await heading(page, pipeline);
    await button(page, w.pipelines.start).waitFor();
    expect(await button(page, w.common.delete).count()).toBe(0);
    expect(await page.getByRole("link", { name: w.pipelines.edit, exact: true }).count()).toBe(0);

    for (const [path, title, change] of [
      ["/stacks", w.app.stacks, w.stacks.create], ["/templates", w.app.templates, w.templates.create], ["/images", w.app.images, w.images.createOrg], ["/channels", w.app.channels, w.channels.publish],
    ] as const) {
      await page.goto(path);
      await heading(page, title);
      await page.locator(".ant-table, .nothing").first().waitFor();
      expect(await page.getByRole("link", { name: change }).or(button(page, change)).count(), change).toBe(0);
    }

    await page.goto(`/groups/${team}?tab=users`);
    await page.getByRole("cell", { name: reader, exact: true }).waitFor();
    for (const name of [w.groups.grant, w.common.delete, w.common.edit]) expect(await button(page, name).count(), name).toBe(0);
    await sound(page, "group, to read");

    expect((await page.request.delete(`/api/v1/pipelines/${pipeline}`)).status()).toBe(403);
    expect((await page.request.put(`/api/v1/groups/${team}/members/${reader}`, { data: { role: "manage" } })).status()).toBe(403);
    await page.goto("/settings");
    await page.getByRole("alert").waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });

  it("a group goes when DELETE was typed", async () => {
    const { context, page } = await open({ language, theme });
    await signIn(page, w, "admin", password);
    expect((await page.request.delete(`/api/v1/pipelines/${pipeline}`)).status()).toBe(204);
    await page.goto(`/groups/${team}`);
    await button(page, w.common.delete).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByRole("button", { name: w.common.delete, exact: true }).isDisabled()).toBe(true);
    await dialog.getByRole("textbox").fill("DELETE");
    await dialog.getByRole("button", { name: w.common.delete, exact: true }).click();
    await heading(page, w.places.groups);
    expect((await page.request.get(`/api/v1/groups/${team}`)).status()).toBe(404);
    await context.close();
  });
});
