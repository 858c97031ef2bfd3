// A server full of what a team has after some months: people, groups, images, templates, stacks, and pipelines with runs in every
// state. Everything is made by the API, as a user would make it.

/** What the pictures point at. */
export interface Furniture {
  runs: Record<string, string>;
}

type Body = Record<string, unknown>;

export async function furnish(url: string, password: string, template: string, receiver: string): Promise<Furniture> {
  const host = new URL(url).host;
  const auth = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
  const login = async (user: string, secret: string) => {
    const response = await fetch(`${url}/api/v1/login`, { method: "POST", body: JSON.stringify({ user, password: secret }), headers: { "Content-Type": "application/json" } });
    return ((await response.json()) as { token: string }).token;
  };
  const tokens: Record<string, string> = { admin: await login("admin", password) };
  const call = async <T = Body>(method: string, path: string, body?: Body | string, as = "admin"): Promise<T> => {
    const text = typeof body === "string";
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Bearer ${tokens[as] ?? ""}`, "Content-Type": text ? (path.includes("/templates/") ? "application/octet-stream" : "application/yaml") : "application/json" },
      body: body === undefined ? undefined : text ? body : JSON.stringify(body),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    return (answer === "" ? undefined : JSON.parse(answer)) as T;
  };
  const until = async (what: string, ready: () => Promise<boolean>) => {
    for (const end = Date.now() + 120_000; !(await ready()); ) {
      if (Date.now() > end) throw new Error(`${what} did not come to be`);
      await new Promise((done) => setTimeout(done, 200));
    }
  };

  // People and groups.
  for (const [name, role, email, phone] of [["alice", "edit", "alice@example.com", "+8613800000001"], ["bob", "edit", "bob@example.com", "+8613800000002"], ["carol", "read", "carol@example.com", ""], ["dave", "", "", ""]] as const)
    await call("POST", "/api/v1/users", { name, password: `${name}-password`, locale: name === "carol" ? "en" : "zh-CN", ...(role ? { role } : {}), ...(email ? { email } : {}), ...(phone ? { phone } : {}) });
  await call("PATCH", "/api/v1/users/dave", { disabled: true });
  for (const name of ["alice", "bob"]) tokens[name] = await login(name, `${name}-password`);
  for (const [name, description] of [["shop", "The shop: storefront, stock and payment"], ["data", "Nightly loads and reports"], ["night-operations-of-all-regions", "Work that is done while nobody buys anything; whoever is on duty reads the log in the morning"]] as const)
    await call("POST", "/api/v1/groups", { name, description });
  for (const [group, user, role] of [["shop", "alice", "manage"], ["shop", "bob", "edit"], ["shop", "carol", "read"], ["data", "bob", "manage"], ["data", "alice", "read"]] as const)
    await call("PUT", `/api/v1/groups/${group}/members/${user}`, { role });
  await call("PATCH", "/api/v1/groups/data", { description: "Nightly loads and reports", limits: { runs: 5 } });
  await call("POST", "/api/v1/tokens", { name: "continuous integration", expires_in: "2160h" });
  await call("POST", "/api/v1/tokens", { name: "laptop", expires_in: "24h" });

  // An image for two kinds of machines: what it holds does not matter, for nobody runs it.
  await call("POST", "/api/v1/organizations", { name: "team", public: true });
  const push = async (repository: string, tag: string) => {
    const send = async (path: string, type: string, body: string) => {
      const response = await fetch(`${url}/v2/${repository}${path}`, { method: "PUT", headers: { Authorization: auth("admin", password), "Content-Type": type }, body });
      if (!response.ok) throw new Error(`push ${repository}${path}: ${response.status} ${await response.text()}`);
    };
    const blob = async (content: string) => {
      const digest = `sha256:${Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(content))).toString("hex")}`;
      const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST", headers: { Authorization: auth("admin", password) } });
      const place = new URL(begun.headers.get("Location") ?? "", url);
      place.searchParams.set("digest", digest);
      const ended = await fetch(place, { method: "PUT", headers: { Authorization: auth("admin", password), "Content-Type": "application/octet-stream" }, body: content });
      if (!ended.ok) throw new Error(`push ${repository}: ${ended.status}`);
      return { digest, size: content.length };
    };
    const manifests = [];
    for (const architecture of ["amd64", "arm64"]) {
      const layer = await blob(`${repository} ${tag} ${architecture} `.repeat(4000));
      const config = await blob(JSON.stringify({ architecture, os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [layer.digest] } }));
      const manifest = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config }, layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer }] });
      const digest = `sha256:${Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(manifest))).toString("hex")}`;
      await send(`/manifests/${digest}`, "application/vnd.oci.image.manifest.v1+json", manifest);
      manifests.push({ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: manifest.length, platform: { architecture, os: "linux" } });
    }
    await send(`/manifests/${tag}`, "application/vnd.oci.image.index.v1+json", JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests }));
  };
  for (const [repository, tag] of [["team/shop", "1.0"], ["team/shop", "1.1"], ["team/shop", "2.0.0-rc.1"], ["team/payment-gateway", "2026.11"]] as const) await push(repository, tag);

  // Templates: two versions of one, and one with some elements that refer to each other.
  await call("PUT", "/api/v1/templates/web/versions/1.0", template);
  await call("PUT", "/api/v1/templates/web/versions/1.1", template.replace("default: 2", "default: 3").replace("memory: 128Mi", "memory: 256Mi"));
  await call("PUT", "/api/v1/templates/shop/versions/2026.11", shopTemplate);
  const image = `${host}/demo/web:1.0`;
  const stack = (name: string, more: Body) => call("POST", "/api/v1/stacks", { name, namespace: name, template: "web", version: "1.0", inputs: { image, replicas: 1 }, ...more });
  await stack("shop-production", { template: "shop", version: "2026.11", inputs: { image, password: "open sesame", workers: 2 }, description: "What customers see", labels: { tier: "front", owner: "alice" }, protected: true });
  await stack("shop-test", {});
  await stack("broken", { inputs: { image: `${host}/team/shop:1.0`, replicas: 1 } });
  const settled = (name: string) => async () => (await call("GET", `/api/v1/stacks/${name}`)).status !== "processing";
  for (const name of ["shop-production", "shop-test", "broken"]) await until(`the stack ${name}`, settled(name));
  await call("POST", "/api/v1/stacks/shop-test/upgrade", { template: "web", version: "1.0", inputs: { image, replicas: 2 } });
  await until("the upgrade", settled("shop-test"));

  // Pipelines, and their runs.
  const runs: Record<string, string> = {};
  const apply = (file: string) => call("PUT", `/api/v1/pipelines/${/^name: (.*)$/m.exec(file)?.[1] ?? ""}`, file);
  const start = async (key: string, pipeline: string, variables: Record<string, string> = {}, as = "admin") => {
    const run = await call<{ id: string }>("POST", `/api/v1/pipelines/${pipeline}/runs`, { variables }, as);
    runs[key] = run.id;
  };
  const reach = (key: string, ...states: string[]) => until(`the run ${key}`, async () => states.includes(String((await call("GET", `/api/v1/runs/${runs[key] ?? ""}`)).state)));
  for (const file of pipelines(receiver)) await apply(file);
  await start("released", "shop", { tag: "1.0" }, "alice");
  await reach("released", "waiting");
  await call("POST", `/api/v1/runs/${runs.released ?? ""}/review`, { stage: "approve", approve: true, comment: "tested by hand as well", hash: await hashOf(call, runs.released ?? "") });
  await reach("released", "succeeded", "failed");
  await start("missing", "shop", { tag: "9.9" }, "bob");
  await reach("missing", "held");
  await call("POST", `/api/v1/runs/${runs.missing ?? ""}/stop`);
  await reach("missing", "canceled");
  await start("review", "shop", { tag: "1.1" }, "bob");
  await reach("review", "waiting");
  for (const tag of ["1.1", "2.0"]) await start(`queued-${tag}`, "shop", { tag });
  await start("held", "stock", { tag: "9.9" });
  await reach("held", "held");
  await start("failed", "payment");
  await reach("failed", "failed");
  await start("job", "migrate", { file: "/nowhere.yaml" });
  await reach("job", "succeeded", "failed");
  await start("lock", "load-east");
  await reach("lock", "running");
  await start("locked", "load-west");
  await reach("locked", "waiting", "running");
  await call("POST", "/api/v1/channels/stock-counted/messages", { params: { warehouse: "east", items: "10345" } });
  await call("POST", "/api/v1/channels/stock-counted/messages", { params: { warehouse: "west", items: "881" } }, "bob");
  await start("triggers", "announce");
  await reach("triggers", "waiting");
  await start("crowded", "announce");
  await call("PUT", "/api/v1/channels/deployed", { description: "What has been deployed, for whoever wants to know" });
  const now = Date.now();
  const at = (hours: number) => new Date(now + hours * 3_600_000).toISOString();
  await call("POST", "/api/v1/freezes", { scope: "pipeline", name: "reports", from: at(-1), until: at(72), reason: "The year is being closed; nobody changes the reports until the books are" });
  await call("POST", "/api/v1/freezes", { scope: "all", from: at(24 * 28), until: at(24 * 32), reason: "holidays" });
  const lifted = await call<{ id: string }>("POST", "/api/v1/freezes", { scope: "group", name: "data", until: at(1), reason: "moving the database" });
  await call("DELETE", `/api/v1/freezes/${lifted.id}`);
  await start("frozen", "reports");
  await reach("frozen", "waiting");
  await call("PATCH", "/api/v1/targets/local", { limits: { stages: 4 }, windows: [{ cron: "0 0 * * *", duration: "24h", timezone: "Asia/Shanghai" }] });
  await call("POST", "/api/v1/pipelines/shop/export", { template: "our-release", category: "multi-environment", title: { en: "Our way to production", zh: "我们的上线流程" }, description: { en: "Test, ask, production in two regions", zh: "测试、审批，然后两个区域上线" }, placeholders: [{ name: "image", value: "demo/web", description: { en: "Image", zh: "镜像" } }] });
  await fetch(`${url}/api/v1/stacks/broken`, { method: "DELETE" }); // refused, for the audit log
  await call("DELETE", "/api/v1/users/dave", undefined, "bob").catch(() => undefined); // refused as well
  return { runs };
}

async function hashOf(call: <T>(method: string, path: string) => Promise<T>, run: string): Promise<string | undefined> {
  const { stages } = await call<{ stages: { review?: { preview?: { hash?: string } } }[] }>("GET", `/api/v1/runs/${run}`);
  return stages.find((s) => s.review?.preview)?.review?.preview?.hash;
}

const deployment = (name: string, more = "") => `
  ${name}:
    type: HuaweiCloud.CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: ${name}}
        spec:
          replicas: ${name === "worker" ? "{get_input: workers}" : "1"}
          selector: {matchLabels: {app: ${name}}}
          template:
            metadata: {labels: {app: ${name}}}
            spec:
              containers:
                - name: ${name}
                  image: {get_input: image}
                  ports: [{name: http, containerPort: 8080}]
                  readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}
                  envFrom: [{configMapRef: {name: {get_reference: settings}}}]
                  env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: {get_reference: credentials}, key: password}}}]${more}`;

const service = (name: string) => `
  ${name}-service:
    type: HuaweiCloud.CCE.Service
    properties:
      k8sManifest:
        apiVersion: v1
        kind: Service
        metadata: {name: ${name}}
        spec: {type: NodePort, selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: http}]}
    requirements: [{dependency: {node: ${name}}}]`;

const shopTemplate = `tosca_definitions_version: huaweicloud_tosca_version_1_0
description: The shop with its settings, storefront and workers
inputs:
  image: {type: string, description: image to run}
  greeting: {type: string, default: Hello, description: first word on the page, constraints: {max_length: 40}}
  workers: {type: integer, default: 2, description: how many workers, constraints: {in_range: [1, 20]}}
  password: {type: password, description: password of the database, constraints: {min_length: 8}}
  level: {type: string, default: info, description: what is logged, constraints: {valid_values: [debug, info, warn]}}
node_templates:
  settings:
    type: HuaweiCloud.CCE.ConfigMap
    properties:
      k8sManifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {GREETING: {get_input: greeting}, LOG_LEVEL: {get_input: level}}}
  credentials:
    type: HuaweiCloud.CCE.Secret
    properties:
      k8sManifest: {apiVersion: v1, kind: Secret, metadata: {name: credentials}, type: Opaque, data: {password: {base64_encode: {get_input: password}}}}${deployment("storefront", "\n    requirements: [{dependency: {node: worker}}]")}${deployment("worker")}${service("storefront")}${service("worker")}
outputs:
  url: {description: where the shop answers, value: {concat: ["http://", {get_attribute: [storefront-service, url]}]}}
`;

const deploy = (stack: string, indent = "    ") => `type: template-deploy
${indent}images: [{name: app, image: "demo/web:\${tag}"}]
${indent}deploy: {tool: aos, stack: ${stack}, create: true, target: local, namespace: ${stack}, template: web, version: "1.1", parameters: {image: "\${image.app}", replicas: "1"}}
${indent}timeout: 10m`;

const pipelines = (receiver: string) => [
  `name: shop
group: shop
description: Test, ask, production in two regions
variables:
  - {name: tag, value: "1.0", description: image tag}
  - {name: approver, value: "", description: who said yes}
start:
  conditions:
    - webhook: {signature: github}
      params: [{name: tag, variable: tag, required: true}]
    - image: {repository: demo/web, semver: ">=2.0.0"}
      params: [{name: tag, variable: tag}]
notify:
  - {user: alice, outcomes: [failure, success], by: [email]}
stages:
  - name: test
    ${deploy("shop-test")}
    on_error: {action: stop, hold: 72h}
    retry: {attempts: 1, backoff: 1s}
    notifications:
      - {webhook: {method: POST, url: "${receiver}/chat", headers: {X-Token: s3cret}, body: "{\\"tag\\": \\"\${tag}\\"}"}, outcomes: [success, failure]}
      - {channel: {name: tested}, params: [{name: version, variable: tag}], outcomes: [success]}
  - name: approve
    type: review
    review: {mode: at_least, count: 1, users: [admin, alice], groups: [{group: shop, role: manage}], expires: 48h}
  - name: production
    type: parallel
    order: parallel
    tasks:
      - name: east
        ${deploy("shop-east", "        ")}
      - name: west
        ${deploy("shop-west", "        ")}
    notifications:
      - {channel: {name: deployed}, params: [{name: version, variable: tag}], outcomes: [success]}
`,
  `name: stock
group: shop
description: Held until somebody decides
variables: [{name: tag, value: "1.0"}]
stages:
  - name: deploy
    ${deploy("stock")}
    on_error: {action: stop, hold: 72h}
`,
  `name: payment
group: shop
description: Fails, and begins again
variables: [{name: tag, value: "9.9"}]
stages:
  - name: optional checks
    ${deploy("payment-check")}
    on_error: {action: ignore}
  - name: deploy
    ${deploy("payment")}
  - name: tell
    type: review
    review: {users: [admin]}
`,
  `name: migrate
group: data
description: A check in a container, and then the deployment
variables: [{name: file, value: /etc/hosts}, {name: tag, value: "1.0"}]
stages:
  - name: check
    type: job
    images: [{name: app, image: "demo/web:\${tag}"}]
    job: {image: "\${image.app}", command: [/fairlead, template, validate, "\${file}"], env: {MODE: strict}, cpu: 500m, memory: 256Mi}
    timeout: 5m
  - name: deploy
    ${deploy("migrated")}
`,
  ...["east", "west"].map((region) => `name: load-${region}
group: data
description: Takes its turn with the other region
variables: [{name: tag, value: "1.0"}]
stages:
  - name: load
    type: job
    images: [{name: app, image: "demo/web:\${tag}"}]
    job: {image: "\${image.app}", target: local, namespace: load-${region}}
    locks: [warehouse]
    timeout: 5h
  - {name: confirm, type: review, review: {users: [bob]}}
`),
  `name: announce
group: data
description: Waits for a message and a call
variables: [{name: tag, value: "1.0"}, {name: items, value: "0"}]
start:
  conditions:
    - channel: {name: stock-counted}
      params: [{name: items, variable: items}]
    - schedule: {cron: "0 3 * * 1-5", timezone: Asia/Shanghai, missed: run-once}
max_runs: 4
stages:
  - {name: begin, type: review, review: {users: [bob], mode: one}, needs: []}
  - name: left
    needs: []
    triggers:
      mode: all
      conditions: [{webhook: {}, params: [{name: items, variable: items}]}, {channel: {name: tested}}]
    ${deploy("announce")}
  - {name: done, type: review, review: {users: [bob]}, needs: [begin, left]}
`,
  `name: reports
group: night-operations-of-all-regions
description: A report for every region, every night, with a description that is long enough to need more than one line in a narrow table
variables: [{name: tag, value: "1.0"}]
windows: [{cron: "0 0 * * *", duration: 24h, timezone: Asia/Shanghai}]
stages:
  - name: deploy
    ${deploy("reports")}
`,
  `name: never-started
variables: [{name: tag, value: "1.0"}]
stages:
  - name: deploy
    ${deploy("never")}
`,
];
