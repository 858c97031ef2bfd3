import { useState } from "react";
import { Alert, Button, Card, Form, Input } from "antd";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { api, need } from "../../api/client";
import { me } from "../../api/queries";
import { LanguageSwitch, ThemeSwitch } from "../../app/shell";
import { useText } from "../../i18n";
import { explain } from "../../ui/problem";

interface Credentials {
  user: string;
  password: string;
}

/** Only addresses of this console may be gone to after the sign-in. */
export const safeNext = (next: string | undefined): string => (next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/");

export function LoginPage() {
  const { t } = useText();
  const { next } = useSearch({ from: "/login" });
  const client = useQueryClient();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async (values: Credentials) => {
    setBusy(true);
    setError(undefined);
    try {
      await need(api.POST("/api/v1/login", { body: { ...values, cookie: true } as Credentials }));
      await client.query({ ...me, staleTime: 0 });
      await navigate({ href: safeNext(next) });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  const rules = [{ required: true, message: t("login.required") }];
  return (
    <main className="login">
      <Card className="login-card">
        <h1><img src="/assets/icon.svg" alt="" width={32} height={32} /> Fairlead</h1>
        <Form<Credentials> layout="vertical" onFinish={(v) => void submit(v)} requiredMark={false} initialValues={{ user: "", password: "" }}>
          <Form.Item name="user" label={t("login.user")} rules={rules}>
            <Input autoComplete="username" autoFocus />
          </Form.Item>
          <Form.Item name="password" label={t("login.password")} rules={rules} extra={t("login.hint")}>
            <Input.Password autoComplete="current-password" />
          </Form.Item>
          {error !== undefined && <Alert type="error" title={explain(error, t)} role="alert" className="gap" />}
          <Button type="primary" htmlType="submit" block loading={busy}>{t("login.submit")}</Button>
        </Form>
        <div className="login-choices"><LanguageSwitch /><ThemeSwitch /></div>
      </Card>
    </main>
  );
}
