import { Button, Card } from "antd";
import { useText } from "../../i18n";
import { DiffView } from "../../ui/diffview";

interface ConflictProps {
  theirs: string;
  yours: string;
  /** Both versions stand here until one is chosen; the editor below stays usable for merging. */
  onKeepMine: () => void;
  onTakeTheirs: () => void;
  /** Not a change by somebody else, but a new pipeline under a name that is taken. */
  taken: boolean;
}

/** What differs between one's own text and the one that is on the server by now. */
export function Conflict({ theirs, yours, onKeepMine, onTakeTheirs, taken }: ConflictProps) {
  const { t } = useText();
  return (
    <Card className="gap conflict" role="alert" title={t(taken ? "pipelines.taken" : "pipelines.conflict")}>
      <p>{t(taken ? "pipelines.takenText" : "pipelines.conflictText")}</p>
      <p className="dim"><span className="del">- {t("pipelines.theirs")}</span> <span className="add">+ {t("pipelines.yours")}</span></p>
      <DiffView before={theirs} after={yours} label={t("decide.differences")} height={320} />
      <div className="row">
        <Button danger onClick={onKeepMine}>{t("pipelines.overwrite")}</Button>
        <Button onClick={onTakeTheirs}>{t("pipelines.takeTheirs")}</Button>
      </div>
    </Card>
  );
}
