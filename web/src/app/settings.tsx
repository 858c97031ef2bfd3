// What a person chose about the console itself: language and colours. It is kept in this browser.
import { createContext, use, useEffect, useMemo, useState, type ReactNode } from "react";
import { ConfigProvider, App as AntApp, theme as antTheme, type ThemeConfig } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { useText } from "../i18n";

export type ThemeChoice = "light" | "dark" | "system";

interface Settings {
  theme: ThemeChoice;
  dark: boolean;
  setTheme: (choice: ThemeChoice) => void;
}

const Context = createContext<Settings>({ theme: "system", dark: false, setTheme: () => undefined });
const stored = "fairlead.theme";

export const useSettings = () => use(Context);

function readTheme(): ThemeChoice {
  const saved = localStorage.getItem(stored);
  return saved === "light" || saved === "dark" ? saved : "system";
}

/** Whether the system of the person asks for something, such as dark colours or little motion. */
function useSystem(media: string): boolean {
  const query = useMemo(() => window.matchMedia(media), [media]);
  const [wanted, setWanted] = useState(query.matches);
  useEffect(() => {
    const listen = (e: MediaQueryListEvent) => setWanted(e.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, [query]);
  return wanted;
}

const nonce = () => document.querySelector<HTMLMetaElement>('meta[name="nonce"]')?.content;

function look(dark: boolean, still: boolean): ThemeConfig {
  return {
    algorithm: dark ? antTheme.darkAlgorithm : antTheme.defaultAlgorithm,
    // Darker than the library's own greys and blues: small text keeps a contrast of 4.5 to 1.
    token: {
      colorPrimary: dark ? "#5d9bff" : "#1459c7",
      colorLink: dark ? "#7fb0ff" : "#1459c7",
      colorLinkHover: dark ? "#a8caff" : "#0f4bab",
      colorLinkActive: dark ? "#a8caff" : "#0c3d8a",
      colorTextDescription: dark ? "#a6adba" : "#5a6372",
      colorTextPlaceholder: dark ? "#98a0ad" : "#667080",
      colorInfo: dark ? "#7fb0ff" : "#1459c7",
      colorSuccess: dark ? "#6fcf4d" : "#277a0d",
      colorWarning: dark ? "#e0a94a" : "#8f5400",
      colorError: dark ? "#ff7b72" : "#c4111f",
      ...(dark ? { colorBgContainer: "#10151d", colorBgElevated: "#182130", colorBgLayout: "#10151d", colorBorder: "#38445a", colorBorderSecondary: "#2b3442" } : { colorPrimaryHover: "#0f4bab", colorPrimaryActive: "#0c3d8a", colorSuccessBg: "#e9f6e4", colorWarningBg: "#fff3de", colorErrorBg: "#fdeced" }),
      borderRadius: 6,
      motion: !still,
      fontSize: 14,
    },
    components: {
      Menu: dark ? { itemSelectedColor: "#cfe1ff", itemSelectedBg: "#1d3357" } : {},
      Button: dark ? { primaryColor: "#06142b", dangerColor: "#2b0502" } : {},
      Tabs: dark ? { itemSelectedColor: "#8dbaff" } : {},
      Layout: { headerBg: dark ? "#141a24" : "#ffffff", siderBg: dark ? "#10151d" : "#f6f8fb", bodyBg: dark ? "#10151d" : "#ffffff" },
    },
  };
}

export function SettingsProvider({ children }: { children: ReactNode }) {
  const [theme, choose] = useState(readTheme);
  const system = useSystem("(prefers-color-scheme: dark)");
  const still = useSystem("(prefers-reduced-motion: reduce)");
  const { language } = useText();
  const dark = theme === "system" ? system : theme === "dark";
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }, [dark]);
  const settings = useMemo(
    () => ({
      theme,
      dark,
      setTheme: (choice: ThemeChoice) => {
        localStorage.setItem(stored, choice);
        choose(choice);
      },
    }),
    [theme, dark],
  );
  return (
    <Context value={settings}>
      <ConfigProvider locale={language === "zh-CN" ? zhCN : enUS} theme={look(dark, still)} csp={{ nonce: nonce() }} button={{ autoInsertSpace: false }}>
        <AntApp className="app">{children}</AntApp>
      </ConfigProvider>
    </Context>
  );
}
