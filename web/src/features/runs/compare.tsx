import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { Noun } from "../../api/client";
import { runDiff } from "../../api/queries";
import { useText } from "../../i18n";
import { RunLink } from "../../ui/name";
import { Loaded, Page } from "../../ui/page";
import { StateTag } from "../../ui/state";

type Value = Noun<"ValueDiff">;

/** Two runs side by side: variables, images with their digests, templates, times, outcome. */
export function ComparePage() {
  const { t } = useText();
  const { id, other } = useParams({ from: "/shell/runs/$id/compare/$other" });
  const query = useQuery(runDiff(id, other));
  return (
    <Page title={t("decide.differences")}>
      <Loaded query={query}>
        {({ a, b, variables, stages }) => {
          const differing = stages.filter((s) => (s.diffs ?? []).length > 0);
          return (
            <>
              <table className="diff">
                <thead>
                  <tr>
                    <th scope="col">{a.pipeline}</th>
                    <th scope="col"><RunLink id={a.id}>#{a.number}</RunLink> <StateTag state={a.state} /></th>
                    <th scope="col"><RunLink id={b.id}>#{b.number}</RunLink> <StateTag state={b.state} /></th>
                  </tr>
                </thead>
                <tbody>
                  <Values title={t("runs.variables")} list={variables} />
                  {differing.map((s) => <Values key={s.name} title={s.name} list={s.diffs ?? []} />)}
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

function Values({ title, list }: { title: string; list: readonly Value[] }) {
  return (
    <>
      {list.map((v) => (
        <tr key={v.name}>
          <td>{title}: {v.name}</td>
          <td className="before">{v.a}</td>
          <td className="after">{v.b}</td>
        </tr>
      ))}
    </>
  );
}
