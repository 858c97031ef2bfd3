import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { runDiff } from "../../api/queries";
import { useText, type Key, type Translate } from "../../i18n";
import { PipelineLink, RunLink } from "../../ui/name";
import { Loaded, Page } from "../../ui/page";
import { StateTag } from "../../ui/state";

type Value = Noun<"ValueDiff">;

/** Two runs side by side: variables, images with their digests, templates, times, outcome. */
export function ComparePage() {
  const { t } = useText();
  const { id, other } = useParams({ from: "/shell/runs/$id/compare/$other" });
  const query = useQuery(runDiff(id, other));
  return (
    <Page
      title={query.data ? t("differs.title", { pipeline: query.data.a.pipeline, a: query.data.a.number, b: query.data.b.number }) : t("decide.differences")}
      trail={query.data && <PipelineLink name={query.data.a.pipeline} />}
    >
      <Loaded query={query}>
        {({ a, b, variables, stages }) => {
          const differing = stages.filter((s) => (s.diffs ?? []).length > 0);
          return (
            <>
              <table className="diff">
                <thead>
                  <tr>
                    <th scope="col">{t("decide.differences")}</th>
                    <th scope="col"><RunLink id={a.id}>#{a.number}</RunLink> <StateTag state={a.state} /></th>
                    <th scope="col"><RunLink id={b.id}>#{b.number}</RunLink> <StateTag state={b.state} /></th>
                  </tr>
                </thead>
                <tbody>
                  <Values title={t("runs.variables")} list={variables} />
                  {differing.map((s) => <Values key={s.name} title={s.name} list={s.diffs ?? []} facts />)}
                </tbody>
              </table>
              {variables.length + differing.length === 0 && <p>{t("decide.same")}</p>}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** What the server calls a fact of a stage, in the reader's words. */
export function factText(name: string, t: Translate): string {
  const [, digest, image] = /^(digest of )?image (.*)$/s.exec(name) ?? [];
  if (image !== undefined) return t(digest ? "differs.digest" : "differs.image", { name: image });
  const words: Record<string, Key> = { state: "differs.state", message: "differs.message", stack: "differs.stack", template: "differs.template", "exit code": "differs.exitCode" };
  const word = words[name];
  return word ? t(word) : name;
}

function Values({ title, list, facts }: { title: string; list: readonly Value[]; facts?: boolean }) {
  const { t, state, said } = useText();
  const value = (v: Value, text: string | undefined) => (facts && v.name === "state" && text !== undefined ? state(text) : facts && v.name === "message" ? said(text) : text);
  return (
    <>
      {list.map((v) => (
        <tr key={v.name}>
          <td>{title}{t("roles.colon")}{facts ? factText(v.name, t) : v.name}</td>
          <td className="before">{value(v, v.a)}</td>
          <td className="after">{value(v, v.b)}</td>
        </tr>
      ))}
    </>
  );
}
