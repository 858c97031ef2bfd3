import { useState, type ReactNode } from "react";
import { App, Button, Card } from "antd";
import { useQuery } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { settings } from "../../api/queries";
import { useText } from "../../i18n";
import { Copyable } from "../../ui/copy";
import { LinkButton } from "../../ui/link";
import { Facts, Loaded, Page } from "../../ui/page";
import { explain } from "../../ui/problem";

type Settings = Noun<"Settings">;

/** What the server was started with. It is read only: the flags of serve and its configuration file decide. */
export function SettingsPage() {
  const { t } = useText();
  const query = useQuery(settings);
  return (
    <Page title={t("places.settings")}>
      <p className="dim">{t("settings.text")}</p>
      <Loaded query={query}>{(s) => <Content settings={s} />}</Loaded>
    </Page>
  );
}

function Content({ settings: s }: { settings: Settings }) {
  const { t, bytes } = useText();
  const yes = (on: boolean) => (on ? t("common.yes") : t("common.no"));
  return (
    <div className="cards">
      <Part title={t("settings.server")}>
        <Facts items={[[t("settings.publicURL"), <Copyable key="u" text={s.public_url} />], [t("settings.registry"), <Copyable key="r" text={s.registry} />], [t("settings.database"), s.database === "sqlite" ? "SQLite" : "PostgreSQL"], [t("settings.auditKeep"), s.audit_keep === "0s" ? t("settings.forever") : s.audit_keep], [t("common.version"), s.version]]} />
      </Part>
      <Part title={t("settings.access")}>
        <Facts items={[[t("settings.anonymous"), yes(s.anonymous_pull)], [t("settings.publish"), s.publish_address], [t("settings.private"), yes(s.private_webhooks)]]} />
      </Part>
      <Part title={t("settings.mail")} button={s.mail && <TestButton by="email" />}>
        {s.mail ? <Facts items={[[t("settings.mailServer"), s.mail.server], [t("settings.encrypted"), s.mail.encrypted ? t("common.yes") : t("settings.offered")], [t("settings.user"), s.mail.user], [t("settings.from"), s.mail.from]]} /> : <p>{t("settings.noMail")} <code>--smtp-url</code></p>}
      </Part>
      <Part title={t("settings.sms")} button={s.sms && <TestButton by="sms" />}>
        {s.sms ? <Facts items={[[t("settings.gateway"), s.sms.gateway], [t("stageForm.method"), s.sms.method]]} /> : <p>{t("settings.noSMS")} <code>--sms-url</code></p>}
      </Part>
      <Part title={t("settings.limits")}>
        <Facts items={[[t("settings.template"), bytes(s.limits.template_bytes)], [t("settings.pipeline"), bytes(s.limits.pipeline_bytes)], [t("settings.request"), bytes(s.limits.request_bytes)]]} />
        <span className="row"><span className="dim">{t("settings.elsewhere")}</span><LinkButton size="small" to="/groups" search={{}}>{t("places.groups")}</LinkButton><LinkButton size="small" to="/targets">{t("app.targets")}</LinkButton></span>
      </Part>
    </div>
  );
}

function Part({ title, button, children }: { title: string; button?: ReactNode; children: ReactNode }) {
  return <Card size="small" title={<h2 className="card-title">{title}</h2>} extra={button}>{children}</Card>;
}

/** Sends a message to whoever presses it. */
export function TestButton({ by }: { by: "email" | "sms" }) {
  const { t } = useText();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    try {
      await need(api.POST("/api/v1/settings/test", { body: { by } }));
      void message.success(t("settings.sent"));
    } catch (e) {
      void message.error(explain(e, t));
    } finally {
      setBusy(false);
    }
  };
  return <Button size="small" loading={busy} onClick={() => void send()}>{by === "email" ? t("settings.testMail") : t("settings.testSMS")}</Button>;
}
