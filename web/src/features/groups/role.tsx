import { Select, Tag } from "antd";
import { roles, type Role } from "../../app/may";
import { useText } from "../../i18n";

const colours: Record<Role, string> = { read: "default", edit: "processing", manage: "success" };

export function RoleTag({ role }: { role: Role | undefined }) {
  const { t } = useText();
  return role === undefined ? <span className="dim">{t("roles.none")}</span> : <Tag color={colours[role]}>{t(`roles.${role}`)}</Tag>;
}

interface RoleSelectProps<V extends Role | ""> {
  value: V;
  label: string;
  onChange: (role: V) => void;
  /** Offers no role as well. */
  none?: V extends "" ? true : boolean;
}

/** Chooses a role, with what each allows. */
export function RoleSelect<V extends Role | "">({ value, label, onChange, none }: RoleSelectProps<V>) {
  const { t } = useText();
  const options = [
    ...(none ? [{ value: "" as V, label: t("roles.none") }] : []),
    ...roles.map((r) => ({ value: r as V, label: `${t(`roles.${r}`)}${t("roles.colon")}${t(`roles.${r}Text`)}` })),
  ];
  return <Select value={value} aria-label={label} options={options} onChange={(r: V) => onChange(r)} style={{ width: "100%" }} popupMatchSelectWidth={false} />;
}
