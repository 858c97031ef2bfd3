import { useRef, useState } from "react";
import { App, Button } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { send, type Noun } from "../../api/client";
import { templateSource } from "../../api/queries";
import { useText } from "../../i18n";
import { RuledInput } from "../../ui/dialog";
import { Editor } from "../../ui/editor";
import { Loaded, Page } from "../../ui/page";
import { Findings, ProblemAlert } from "../../ui/problem";
import { rules } from "../../ui/rules";

const blank = `tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  image:
    description: image of the application
node_templates:
  web:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 1
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
                - name: web
                  image: {get_input: image}
`;

export function PushTemplatePage() {
  const { name, from } = useSearch({ from: "/shell/templates/new" });
  if (name === undefined || from === undefined) return <PushForm base={blank} />;
  return <NextVersion name={name} from={from} />;
}

function NextVersion({ name, from }: { name: string; from: string }) {
  const source = useQuery(templateSource(name, from));
  return <Loaded query={source}>{(text) => <PushForm first={name} base={text} />}</Loaded>;
}

function PushForm({ first, base }: { first?: string; base: string }) {
  const { t } = useText();
  const [name, setName] = useState(first ?? "");
  const [version, setVersion] = useState(first === undefined ? "1.0" : "");
  const [file, setFile] = useState<{ name: string; packed?: File }>({ name: "template.yaml" });
  const [text, setText] = useState(base);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const check = useQuery({
    queryKey: ["validate", text],
    queryFn: ({ signal }) => pause(350, signal).then(() => send<Noun<"TemplateCheck">>("POST", "/api/v1/templates/validate", text)),
    enabled: file.packed === undefined && text !== "",
    staleTime: Infinity,
    retry: false,
    placeholderData: (before) => before,
  });
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    const packed = /\.(zip|tgz|tar\.gz)$/i.test(chosen.name);
    setFile({ name: chosen.name, packed: packed ? chosen : undefined });
    if (!packed) setText(await chosen.text());
    if (name === "") setName(chosen.name.replace(/\..*$/, "").toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-"));
  };
  const push = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const path = `/api/v1/templates/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}?filename=${encodeURIComponent(file.name)}`;
      await send("PUT", path, file.packed ?? text);
      await client.invalidateQueries({ queryKey: ["templates"] });
      void message.success(t("templates.pushed", { name, version }));
      await navigate({ to: "/templates/$name", params: { name }, search: { version } });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const findings = file.packed ? [] : (check.data?.diagnostics ?? []);
  return (
    <Page
      title={t("templates.create")}
      trail={<Link to="/templates" search={{}}>{t("app.templates")}</Link>}
      actions={<Button type="primary" disabled={name === "" || version === "" || rules.template(name) !== undefined || rules.version(version) !== undefined} loading={busy} onClick={() => void push()}>{t("templates.push")}</Button>}
    >
      <div className="row">
        <RuledInput label={t("common.name")} value={name} rule={rules.template} maxLength={64} onChange={setName} />
        <RuledInput label={t("common.version")} value={version} rule={rules.version} maxLength={24} onChange={setVersion} />
      </div>
      <div
        className={over ? "drop over" : "drop"}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          void take(e.dataTransfer.files[0]);
        }}
      >
        {file.packed ? <strong>{file.name}</strong> : t("templates.drop")}{" "}
        <Button size="small" onClick={() => chooser.current?.click()}>{t("templates.file")}</Button>
        <input ref={chooser} type="file" hidden aria-label={t("templates.file")} accept=".yaml,.yml,.json,.zip,.tgz,.tar.gz" onChange={(e) => void take(e.target.files?.[0])} />
      </div>
      <ProblemAlert error={error} />
      {!file.packed && <Editor label={t("templates.source")} value={text} onChange={setText} findings={findings} height="520px" />}
      {!file.packed && check.data && (findings.length === 0 ? <p className="dim">{t("templates.valid")}</p> : <Findings findings={findings} />)}
    </Page>
  );
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("newer text", "AbortError"));
    });
  });
}
