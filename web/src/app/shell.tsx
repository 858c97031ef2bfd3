import { lazy, Suspense, useState, type ReactNode } from "react";
import { Alert, Button, Drawer, Dropdown, Layout, Menu } from "antd";
import type { MenuProps } from "antd";
import AppstoreOutlined from "@ant-design/icons/AppstoreOutlined";
import BranchesOutlined from "@ant-design/icons/BranchesOutlined";
import AuditOutlined from "@ant-design/icons/AuditOutlined";
import ClusterOutlined from "@ant-design/icons/ClusterOutlined";
import ContainerOutlined from "@ant-design/icons/ContainerOutlined";
import DashboardOutlined from "@ant-design/icons/DashboardOutlined";
import FileTextOutlined from "@ant-design/icons/FileTextOutlined";
import GlobalOutlined from "@ant-design/icons/GlobalOutlined";
import MenuOutlined from "@ant-design/icons/MenuOutlined";
import BulbOutlined from "@ant-design/icons/BulbOutlined";
import NotificationOutlined from "@ant-design/icons/NotificationOutlined";
import PauseCircleOutlined from "@ant-design/icons/PauseCircleOutlined";
import SettingOutlined from "@ant-design/icons/SettingOutlined";
import TeamOutlined from "@ant-design/icons/TeamOutlined";
import UserOutlined from "@ant-design/icons/UserOutlined";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { api } from "../api/client";
import { useLive } from "../api/live";
import { me } from "../api/queries";
import { languages, setLanguage, useText, type Key } from "../i18n";
import { useScreen } from "../ui/screen";
import { useMay, type May } from "./may";
import { useSettings, type ThemeChoice } from "./settings";

const FirstPassword = lazy(() => import("../features/users/first").then((m) => ({ default: m.FirstPassword })));

interface Place {
  to: "/" | "/pipelines" | "/templates" | "/stacks" | "/images" | "/targets" | "/channels" | "/groups" | "/freezes" | "/users" | "/audit" | "/settings";
  text: Key;
  icon: ReactNode;
  /** Who sees it; everybody when it is left out. */
  for?: (may: May) => boolean;
}

const places: Place[] = [
  { to: "/", text: "app.overview", icon: <DashboardOutlined /> },
  { to: "/pipelines", text: "app.pipelines", icon: <BranchesOutlined /> },
  { to: "/stacks", text: "app.stacks", icon: <AppstoreOutlined /> },
  { to: "/templates", text: "app.templates", icon: <FileTextOutlined /> },
  { to: "/images", text: "app.images", icon: <ContainerOutlined /> },
  { to: "/targets", text: "app.targets", icon: <ClusterOutlined /> },
  { to: "/channels", text: "app.channels", icon: <NotificationOutlined /> },
  { to: "/groups", text: "places.groups", icon: <TeamOutlined /> },
  { to: "/freezes", text: "places.freezes", icon: <PauseCircleOutlined /> },
  { to: "/users", text: "app.users", icon: <UserOutlined />, for: (may) => may.admin },
  { to: "/audit", text: "places.audit", icon: <AuditOutlined />, for: (may) => may.anywhere("manage") },
  { to: "/settings", text: "places.settings", icon: <SettingOutlined />, for: (may) => may.admin },
];

/** The place in the menu that an address belongs to; empty when there is none, as for the account. */
export function placeOf(path: string): string {
  if (path.startsWith("/runs/") || path.startsWith("/pipeline-templates")) return "/pipelines";
  return places.find((p) => (p.to === "/" ? path === "/" : path.startsWith(p.to)))?.to ?? "";
}

function Navigation({ onChoose }: { onChoose?: () => void }) {
  const { t } = useText();
  const may = useMay();
  const { pathname } = useLocation();
  const items = places
    .filter((p) => p.for?.(may) ?? true)
    .map((p) => ({ key: p.to, icon: p.icon, label: <Link to={p.to} onClick={onChoose}>{t(p.text)}</Link> }));
  return (
    <nav aria-label={t("app.menu")}>
      <Menu mode="inline" selectedKeys={[placeOf(pathname)]} items={items} className="navigation" />
    </nav>
  );
}

export function LanguageSwitch() {
  const { t, language } = useText();
  const items = languages.map((l) => ({ key: l, label: l === "en" ? "English" : "中文", lang: l }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, selectedKeys: [language], onClick: ({ key }) => void setLanguage(key as (typeof languages)[number]) }}>
      <Button type="text" icon={<GlobalOutlined />} aria-label={`${t("app.language")}: ${language === "en" ? "English" : "中文"}`}>{language === "en" ? "English" : "中文"}</Button>
    </Dropdown>
  );
}

export function ThemeSwitch() {
  const { t } = useText();
  const { theme, setTheme } = useSettings();
  const items = (["light", "dark", "system"] as const).map((key) => ({ key, label: t(`app.${key}`) }));
  return (
    <Dropdown trigger={["click"]} menu={{ items, selectedKeys: [theme], onClick: ({ key }) => setTheme(key as ThemeChoice) }}>
      <Button type="text" icon={<BulbOutlined />} aria-label={t("app.theme")} />
    </Dropdown>
  );
}

function Account() {
  const { t } = useText();
  const { data: user } = useSuspenseQuery(me);
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    await api.POST("/api/v1/logout");
    client.clear();
    await navigate({ to: "/login", search: {} });
  };
  const items: MenuProps["items"] = [
    { key: "account", label: <Link to="/account">{t("app.account")}</Link> },
    { key: "docs", label: <a href="/api/docs" target="_blank" rel="noreferrer">{t("app.docs")}</a> },
    { type: "divider" },
    { key: "out", label: t("app.signOut"), onClick: () => void signOut() },
  ];
  return (
    <Dropdown trigger={["click"]} menu={{ items }}>
      <Button type="text" icon={<UserOutlined />}>{user.name}</Button>
    </Dropdown>
  );
}

export function Brand() {
  return (
    <Link to="/" className="brand">
      <img src="/assets/icon.svg" alt="" width={26} height={26} /> Fairlead
    </Link>
  );
}

/** The frame of every page: menu, header, and a note when the server is out of reach. */
export function Shell() {
  const { t } = useText();
  const wide = useScreen("(min-width: 992px)"); // the menu has room beside the page
  const [open, setOpen] = useState(false);
  const connected = useLive();
  const { data: user } = useSuspenseQuery(me);
  return (
    <Layout className="shell">
      <a className="skip" href="#content">{t("app.skip")}</a>
      {wide && (
        <Layout.Sider width={208} className="side">
          <Brand />
          <Navigation />
        </Layout.Sider>
      )}
      <Layout>
        <Layout.Header className="header">
          {!wide && (
            <>
              <Button type="text" icon={<MenuOutlined />} aria-label={t("app.menu")} onClick={() => setOpen(true)} />
              <Brand />
              <Drawer placement="left" size={240} open={open} onClose={() => setOpen(false)} title="Fairlead" styles={{ body: { padding: 0 } }}>
                <Navigation onChoose={() => setOpen(false)} />
              </Drawer>
            </>
          )}
          <span className="grow" />
          <LanguageSwitch />
          <ThemeSwitch />
          <Account />
        </Layout.Header>
        {!connected && <Alert banner type="warning" title={t("app.lost")} role="status" />}
        <Layout.Content className="content" id="content" tabIndex={-1} role="main">
          <Outlet />
        </Layout.Content>
        {user.must_change && <Suspense fallback={null}><FirstPassword user={user.name} /></Suspense>}
      </Layout>
    </Layout>
  );
}
