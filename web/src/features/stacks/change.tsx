import { useState } from "react";
import { Button, Card, Form, Input, Select, Steps } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { api, need, type Noun } from "../../api/client";
import { stack as stackQuery, targets, template as templateQuery, templates, templateVersion } from "../../api/queries";
import { useText } from "../../i18n";
import { InputsForm, typed, wrong, type Given } from "../../ui/inputs";
import { Loaded, Page } from "../../ui/page";
import { ProblemAlert } from "../../ui/problem";
import { rules } from "../../ui/rules";
import { PlanView, valueText } from "./plan";

interface Wanted {
  name: string;
  template?: string;
  version?: string;
  target?: string;
  namespace: string;
  on_failure: "keep" | "rollback";
}

export function NewStackPage() {
  const { t } = useText();
  const search = useSearch({ from: "/shell/stacks/new" });
  const first: Wanted = { name: "", template: search.template, version: search.version, namespace: "default", on_failure: "keep" };
  return (
    <Page title={t("stacks.create")} trail={<Link to="/stacks" search={{}}>{t("app.stacks")}</Link>}>
      <Wizard first={first} />
    </Page>
  );
}

export function ChangeStackPage() {
  const { t } = useText();
  const { name } = useParams({ from: "/shell/stacks/$name/change" });
  const query = useQuery(stackQuery(name));
  return (
    <Page title={`${t("stacks.change")}${t("roles.colon")}${name}`} trail={<Link to="/stacks/$name" params={{ name }} search={{}}>{name}</Link>}>
      <Loaded query={query}>
        {({ data: s }) => <Wizard first={{ name, template: s.template, version: s.version, target: s.target, namespace: s.namespace, on_failure: "keep" }} before={s} />}
      </Loaded>
    </Page>
  );
}

/** Three steps: which template, which inputs, what will change. */
function Wizard({ first, before }: { first: Wanted; before?: Noun<"Stack"> }) {
  const { t } = useText();
  const [step, setStep] = useState(0);
  const [wanted, want] = useState(first);
  const [given, give] = useState<Given>({});
  const version = useQuery({ ...templateVersion(wanted.template ?? "", wanted.version ?? ""), enabled: Boolean(wanted.template && wanted.version) });
  const inputs = version.data?.inputs ?? [];
  const present = before?.inputs;
  const bad = inputs.some((i) => wrong(i, given[i.name]) !== undefined || (i.required && !given[i.name] && present?.[i.name] === undefined));
  const ready = wanted.name !== "" && rules.stack(wanted.name) === undefined && version.data !== undefined;
  return (
    <>
      <Steps current={step} className="gap" items={[{ title: t("stacks.stepTemplate") }, { title: t("stacks.stepInputs") }, { title: t("stacks.stepPreview") }]} />
      {step === 0 && <Basics wanted={wanted} want={want} fixed={before !== undefined} />}
      {step === 1 && (
        <Card className="gap">
          <InputsForm
            inputs={inputs}
            given={given}
            onChange={give}
            lenient={present !== undefined}
            placeholder={present && ((i) => (present[i.name] === undefined ? "" : valueText(present[i.name])))}
          />
        </Card>
      )}
      {step === 2 && <Preview wanted={wanted} inputs={typed(inputs, given)} exists={before !== undefined} />}
      <ProblemAlert error={version.error} />
      <div className="row">
        {step > 0 && <Button onClick={() => setStep(step - 1)}>{t("common.back")}</Button>}
        {step < 2 && <Button type="primary" disabled={!ready || (step === 1 && bad)} onClick={() => setStep(step + 1)}>{t("common.next")}</Button>}
      </div>
    </>
  );
}

function Basics({ wanted, want, fixed }: { wanted: Wanted; want: (w: Wanted) => void; fixed: boolean }) {
  const { t, said } = useText();
  const wrongName = rules.stack(wanted.name);
  const templateList = useQuery(templates);
  const targetList = useQuery(targets);
  const chosen = useQuery({ ...templateQuery(wanted.template ?? ""), enabled: wanted.template !== undefined });
  const options = (names: readonly string[] | null | undefined) => (names ?? []).map((value) => ({ value, label: value }));
  return (
    <Card className="gap">
      <Form layout="vertical">
        <Form.Item label={t("common.name")} required validateStatus={wrongName === undefined ? undefined : "error"} help={said(wrongName)}>
          <Input value={wanted.name} disabled={fixed} aria-label={t("common.name")} onChange={(e) => want({ ...wanted, name: e.target.value })} maxLength={64} />
        </Form.Item>
        <Form.Item label={t("stacks.template")} required>
          <Select showSearch aria-label={t("stacks.template")} value={wanted.template} options={options(templateList.data?.map((x) => x.name))} loading={templateList.isLoading}
            onChange={(template: string) => want({ ...wanted, template, version: templateList.data?.find((x) => x.name === template)?.versions?.[0] })} />
        </Form.Item>
        <Form.Item label={t("common.version")} required>
          <Select aria-label={t("common.version")} value={wanted.version} options={options(chosen.data?.versions)} onChange={(version: string) => want({ ...wanted, version })} />
        </Form.Item>
        <Form.Item label={t("stacks.target")}>
          <Select allowClear disabled={fixed} aria-label={t("stacks.target")} value={wanted.target} options={options(targetList.data?.map((x) => x.name))} onChange={(target?: string) => want({ ...wanted, target })} />
        </Form.Item>
        <Form.Item label={t("pipelines.namespace")}>
          <Input disabled={fixed} aria-label={t("pipelines.namespace")} value={wanted.namespace} onChange={(e) => want({ ...wanted, namespace: e.target.value })} />
        </Form.Item>
        <Form.Item label={t("stacks.onFailure")}>
          <Select aria-label={t("stacks.onFailure")} value={wanted.on_failure} options={[{ value: "keep" as const, label: t("stacks.keep") }, { value: "rollback" as const, label: t("stacks.back") }]} onChange={(on_failure) => want({ ...wanted, on_failure })} />
        </Form.Item>
      </Form>
    </Card>
  );
}

function Preview({ wanted, inputs, exists }: { wanted: Wanted; inputs: Record<string, unknown>; exists: boolean }) {
  const { t } = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const body = { ...wanted, template: wanted.template ?? "", version: wanted.version ?? "", inputs };
  const query = useQuery({
    queryKey: ["preview", body, exists],
    queryFn: () => need(api.POST("/api/v1/stacks/preview", { body: { ...body, verb: exists ? "upgrade" : "create" } })),
    retry: false,
    gcTime: 0,
  });
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const preview = query.data?.plan.hash; // refused when something has changed since
      if (exists) {
        const { name, ...change } = body;
        await need(api.POST("/api/v1/stacks/{name}/upgrade", { params: { path: { name } }, body: { ...change, preview } }));
      } else {
        await need(api.POST("/api/v1/stacks", { body: { ...body, preview } }));
      }
      await client.invalidateQueries({ queryKey: ["stacks"] });
      await navigate({ to: "/stacks/$name", params: { name: wanted.name }, search: {} });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Card className="gap">
      <h2>{t("stacks.previewTitle")}</h2>
      <Loaded query={query}>{({ plan }) => <PlanView plan={plan} />}</Loaded>
      <ProblemAlert error={error} />
      <Button type="primary" disabled={!query.data} loading={busy} onClick={() => void go()}>{t("stacks.apply")}</Button>
    </Card>
  );
}
