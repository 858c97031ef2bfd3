import { useState } from "react";
import { Button, Tooltip } from "antd";
import CheckOutlined from "@ant-design/icons/CheckOutlined";
import CopyOutlined from "@ant-design/icons/CopyOutlined";
import { useText } from "../i18n";

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t } = useText();
  const [done, setDone] = useState(false);
  const copy = async () => {
    await writeClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  const name = done ? t("common.copied") : (label ?? t("common.copy"));
  return (
    <Tooltip title={name}>
      <Button size="small" type="text" icon={done ? <CheckOutlined /> : <CopyOutlined />} aria-label={name} onClick={() => void copy()} />
    </Tooltip>
  );
}

// Browsers have the clipboard only on encrypted pages and on this machine's own; elsewhere a hidden field does it.
async function writeClipboard(text: string) {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on pages without encryption
  document.execCommand("copy");
  area.remove();
}

/** A text to copy, such as an address or a command. */
export function Copyable({ text }: { text: string }) {
  return (
    <span className="copyable">
      <code>{text}</code>
      <CopyButton text={text} />
    </span>
  );
}
