import { Button, Result } from "antd";
import { useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { useText } from "../i18n";
import { explain } from "../ui/problem";
import { LinkButton } from "../ui/link";

export function MissingPage() {
  const { t } = useText();
  return (
    <Result
      status="info"
      title={<h1 className="result-title">{t("common.notFound")}</h1>}
      subTitle={t("common.notFoundText")}
      extra={<LinkButton to="/" look="primary">{t("common.home")}</LinkButton>}
    />
  );
}

export function FailedPage({ error, reset }: ErrorComponentProps) {
  const { t } = useText();
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <Result
      status="warning"
      title={<h1 className="result-title">{t("common.failed")}</h1>}
      subTitle={explain(error, t)}
      extra={<Button type="primary" onClick={again}>{t("common.retry")}</Button>}
    />
  );
}
