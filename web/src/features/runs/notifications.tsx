// What a run has sent to the outside, with every attempt, and a way to send it again.
import { App, Button, Collapse, Tag } from "antd";
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { useText } from "../../i18n";
import { Facts, Loaded } from "../../ui/page";
import { explain } from "../../ui/problem";
import { Ago, StateTag } from "../../ui/state";

type Sent = Noun<"SentNotification">;

const notifications = (run: string) =>
  queryOptions({
    queryKey: ["runs", run, "notifications"],
    queryFn: () => need(api.GET("/api/v1/runs/{id}/notifications", { params: { path: { id: run }, query: { limit: 500 } } })).then((list) => list.items),
    // Attempts follow one another without an event of the run.
    refetchInterval: (query) => (query.state.data?.some((n) => n.state === "pending") ? 3000 : false),
  });

export function Notifications({ run, stage, mayResend }: { run: Noun<"Run">; stage: string | undefined; mayResend: boolean }) {
  const { t } = useText();
  const query = useQuery(notifications(run.id));
  return (
    <Loaded query={query}>
      {(all) => {
        const items = all.filter((n) => stage === undefined || n.stage === stage);
        if (items.length === 0) return <p className="dim">{t("sent.none")}</p>;
        return <Collapse items={items.map((n) => ({ key: n.id, label: <Head sent={n} />, children: <Details run={run.id} sent={n} mayResend={mayResend} /> }))} />;
      }}
    </Loaded>
  );
}

function Head({ sent }: { sent: Sent }) {
  const { t } = useText();
  return (
    <span className="operation-head">
      <StateTag state={sent.state} />
      <strong>{t(`sent.${sent.kind}`)}</strong>
      <span>{sent.to}</span>
      {sent.stage && <span className="dim">{sent.stage}</span>}
      <Tag>{sent.outcome === "success" ? t("stageForm.onSuccess") : t("stageForm.onFailure")}</Tag>
      <span className="dim"><Ago time={sent.created_at} /></span>
      {sent.resend_of && <span className="dim">{t("sent.again", { by: sent.by ?? "" })}</span>}
    </span>
  );
}

function Details({ run, sent, mayResend }: { run: string; sent: Sent; mayResend: boolean }) {
  const { t, time, said } = useText();
  const client = useQueryClient();
  const { message } = App.useApp();
  const again = useMutation({
    mutationFn: () => need(api.POST("/api/v1/runs/{id}/notifications/{nid}/resend", { params: { path: { id: run, nid: sent.id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["runs", run, "notifications"] }),
    onError: (e) => void message.error(explain(e, t)),
  });
  const { request } = sent;
  const headers = Object.entries(request.headers ?? {});
  return (
    <>
      <Facts items={[[t("sent.address"), request.url && <code key="u">{request.method} {request.url}</code>], [t("sent.subject"), request.subject], [t("stageForm.headers"), headers.length > 0 && headers.map(([k, v]) => <div key={k}><code>{k}: {v}</code></div>)]]} />
      {request.body && <pre className="block">{request.body}</pre>}
      <table className="diff attempts">
        <thead><tr><th scope="col">{t("runs.attempt")}</th><th scope="col">{t("common.time")}</th><th scope="col">{t("common.took")}</th><th scope="col">{t("sent.answer")}</th></tr></thead>
        <tbody>
          {sent.attempts.map((a) => <tr key={a.attempt}><td>{a.attempt}</td><td>{time(a.at)}</td><td>{a.took}</td><td>{a.status ? `${a.status} ` : ""}{said(a.message)}</td></tr>)}
        </tbody>
      </table>
      {mayResend && <Button size="small" loading={again.isPending} onClick={() => again.mutate()}>{t("sent.resend")}</Button>}
    </>
  );
}
