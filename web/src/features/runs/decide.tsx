// What a person can do with a run that waits for one: retry or roll back a failed stage, answer a review.
import { useState } from "react";
import { Alert, Button, Card, Input } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, need, type Noun } from "../../api/client";
import { me } from "../../api/queries";
import { asks } from "../../app/may";
import { useText } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Dialog, Labelled } from "../../ui/dialog";
import { PlanView } from "../stacks/plan";

type Run = Noun<"Run">;
type StageRun = Noun<"StageRun">;

const ended = ["succeeded", "failed", "canceled", "timed-out"];

/** The stage at which a run can go on: the one that failed or ran out of time last. */
export const failedStage = (run: Run): StageRun | undefined => (run.stages ?? []).findLast((s) => s.state === "failed" || s.state === "timed-out");

function useRefresh() {
  const client = useQueryClient();
  return () => Promise.all([client.invalidateQueries({ queryKey: ["runs"] }), client.invalidateQueries({ queryKey: ["pipelines"] })]);
}

export function Decisions({ run }: { run: Run }) {
  const { t } = useText();
  const refresh = useRefresh();
  const [retrying, retry] = useState(false);
  const [rolling, roll] = useState(false);
  const stage = failedStage(run);
  if (!stage || (run.state !== "held" && !ended.includes(run.state))) return null;
  const rollback = async () => {
    await need(api.POST("/api/v1/runs/{id}/rollback", { params: { path: { id: run.id } }, body: { stage: stage.name } }));
    await refresh();
  };
  return (
    <>
      <Button type="primary" onClick={() => retry(true)}>{t("decide.retry")}</Button>
      {run.state === "held" && stage.stack && <Button onClick={() => roll(true)}>{t("decide.rollback")}</Button>}
      {retrying && <RetryDialog run={run} stage={stage.name} onClose={() => retry(false)} />}
      <Confirm open={rolling} title={t("decide.rollback")} text={t("decide.rollbackText")} button={t("decide.rollback")} onClose={() => roll(false)} onConfirm={rollback} />
    </>
  );
}

function RetryDialog({ run, stage, onClose }: { run: Run; stage: string; onClose: () => void }) {
  const { t } = useText();
  const refresh = useRefresh();
  const first = Object.fromEntries(Object.entries(run.variables).filter(([name]) => !name.startsWith("SYS_")));
  const [values, setValues] = useState(first);
  const submit = async () => {
    const variables = Object.fromEntries(Object.entries(values).filter(([name, value]) => first[name] !== value));
    await need(api.POST("/api/v1/runs/{id}/retry", { params: { path: { id: run.id } }, body: { stage, variables } }));
    await refresh();
  };
  return (
    <Dialog open title={t("decide.retryTitle", { stage })} button={t("decide.retry")} onClose={onClose} onSubmit={submit}>
      <p className="dim">{t("decide.variables")}</p>
      {Object.keys(first).map((name) => (
        <Labelled key={name} label={name}><Input value={values[name]} onChange={(e) => setValues({ ...values, [name]: e.target.value })} /></Labelled>
      ))}
    </Dialog>
  );
}

export function Reviews({ run }: { run: Run }) {
  const { t, time, said } = useText();
  const held = run.state === "held" ? failedStage(run) : undefined;
  const open = (run.stages ?? []).filter((s) => s.state === "waiting" && s.review);
  return (
    <>
      {held && <Alert type="warning" showIcon className="gap" title={t("decide.held", { until: time(held.held_until) })} description={said(held.message)} />}
      {open.map((s) => <ReviewCard key={s.name} run={run} stage={s} />)}
    </>
  );
}

function ReviewCard({ run, stage }: { run: Run; stage: StageRun }) {
  const { t, time, said } = useText();
  const refresh = useRefresh();
  const [answer, ask] = useState<boolean>();
  const [comment, setComment] = useState("");
  const user = useQuery(me).data;
  const review = stage.review;
  if (!review) return null;
  const preview = review.preview;
  const submit = async () => {
    await need(api.POST("/api/v1/runs/{id}/review", { params: { path: { id: run.id } }, body: { stage: stage.name, approve: answer === true, comment, ...(preview?.hash ? { hash: preview.hash } : {}) } }));
    await refresh();
  };
  return (
    <Card className="gap" title={t("decide.reviewTitle", { stage: stage.name })}
      extra={asks(review, user) && <span className="row" style={{ margin: 0 }}><Button type="primary" onClick={() => ask(true)}>{t("decide.approve")}</Button><Button danger onClick={() => ask(false)}>{t("decide.reject")}</Button></span>}
    >
      <p>{said(stage.waiting_for)}</p>
      {(review.votes ?? []).length > 0 && (
        <ul className="plain" aria-label={t("decide.votes")}>
          {review.votes?.map((v) => <li key={v.user}><strong>{v.user}</strong>{v.approve ? t("decide.approved") : t("decide.rejected")}<span className="dim">{time(v.at)}</span>{v.comment}</li>)}
        </ul>
      )}
      {preview && <><h2>{t("decide.willChange")}</h2>{preview.problem ? <p className="findings error">{said(preview.problem)}</p> : <PlanView plan={{ operations: preview.operations ?? [] }} />}</>}
      <Dialog open={answer !== undefined} title={answer ? t("decide.approve") : t("decide.reject")} button={answer ? t("decide.approve") : t("decide.reject")} disabled={review.comment === true && comment === ""} onClose={() => ask(undefined)} onSubmit={submit}>
        <Labelled label={review.comment ? `${t("decide.comment")} (${t("decide.commentNeeded")})` : t("decide.comment")}><Input.TextArea value={comment} onChange={(e) => setComment(e.target.value)} autoFocus /></Labelled>
      </Dialog>
    </Card>
  );
}
