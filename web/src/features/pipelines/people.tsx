import { Button, Checkbox, Select } from "antd";
import DeleteOutlined from "@ant-design/icons/DeleteOutlined";
import { useQuery } from "@tanstack/react-query";
import { users } from "../../api/queries";
import { useText } from "../../i18n";
import { append, change, lengthAt, remove, set, textAt, valueAt } from "./document";
import { Problems, type Bound } from "./field";

/** Who is told of the result of a run, of which results, and by what. */
export function PeopleForm(bound: Bound) {
  const { t } = useText();
  const { doc, text, onChange } = bound;
  const people = useQuery({ ...users, retry: false }); // not everybody may see the list; a name can be typed as well
  const count = lengthAt(doc, ["notify"]);
  const list = (path: (string | number)[], otherwise: string[]) => {
    const value = valueAt(doc, path);
    return Array.isArray(value) ? value.map(String) : otherwise;
  };
  return (
    <>
      <h2 className="section">{t("stageForm.people")}</h2>
      {Array.from({ length: count }, (_, i) => {
        const path = ["notify", i];
        const user = textAt(doc, [...path, "user"]);
        return (
          <div className="row" key={i} role="group" aria-label={`${t("stageForm.people")} ${i + 1}`}>
            <Select className="wide" mode="tags" maxCount={1} value={user === "" ? [] : [user]} aria-label={`${t("stageForm.user")} ${i + 1}`} placeholder={t("stageForm.user")}
              options={(people.data ?? []).map((u) => ({ value: u.name, label: [u.name, u.email, u.phone].filter(Boolean).join(" · ") }))} onChange={(v: string[]) => onChange(change(text, (d) => d.setIn([...path, "user"], v.at(-1) ?? "")))} />
            <Checkbox.Group value={list([...path, "outcomes"], ["failure"])} options={[{ value: "failure", label: t("stageForm.onFailure") }, { value: "success", label: t("stageForm.onSuccess") }]} onChange={(v) => onChange(change(text, set([...path, "outcomes"], v)))} />
            <Checkbox.Group value={list([...path, "by"], ["email"])} options={[{ value: "email", label: t("stageForm.email") }, { value: "sms", label: t("stageForm.sms") }]} onChange={(v) => onChange(change(text, set([...path, "by"], v)))} />
            <Button icon={<DeleteOutlined />} aria-label={`${t("common.remove")} ${t("stageForm.user")} ${i + 1}`} onClick={() => onChange(change(text, count === 1 ? remove(["notify"]) : remove(path)))} />
          </div>
        );
      })}
      <Problems path={["notify"]} findings={bound.findings} within />
      <Button size="small" onClick={() => onChange(change(text, append(["notify"], { user: people.data?.[0]?.name ?? "", outcomes: ["failure"], by: ["email"] })))}>{t("stageForm.addPerson")}</Button>
    </>
  );
}
