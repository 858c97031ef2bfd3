// A push as any client of the registry does it: what a user types after copying the commands that the console shows.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

interface Descriptor {
  mediaType: string;
  digest: string;
}

/** Pushes the image of an OCI layout with the sign-in of a copied command: docker login HOST -u USER -p TOKEN. */
export async function push(login: string, layout: string, repository: string, tag: string) {
  const [, host, user, token] = /^docker login (\S+) -u (\S+) -p (\S+)$/.exec(login) ?? [];
  if (!host || !user || !token) throw new Error(`not a sign-in: ${login}`);
  const Authorization = `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`;
  const send = async (method: string, path: string, body?: Buffer, type = "application/octet-stream") => {
    const answer = await fetch(new URL(path, `http://${host}`), { method, headers: { Authorization, "Content-Type": type }, body: body && new Uint8Array(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const blob = (digest: string) => readFile(join(layout, "blobs", ...digest.split(":")));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: [Descriptor] };
  const [image] = index.manifests;
  const text = await blob(image.digest);
  const manifest = JSON.parse(text.toString()) as { config: Descriptor; layers: Descriptor[] };
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    const upload = await send("POST", `/v2/${repository}/blobs/uploads/`);
    const place = upload.headers.get("Location") ?? "";
    await send("PUT", `${place}${place.includes("?") ? "&" : "?"}digest=${digest}`, await blob(digest));
  }
  await send("PUT", `/v2/${repository}/manifests/${tag}`, text, image.mediaType);
}
