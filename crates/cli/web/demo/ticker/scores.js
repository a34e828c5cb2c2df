// The scores: the table replaces itself every second, the goals are a stream of which none may be missing.

import { element } from "/demo/shared/page.js";

const GOALS_SHOWN = 8;

export function showScores(hub, section) {
  const [minute, rows] = [section.querySelector("#minute"), section.querySelector("tbody")];
  const [list, recovery] = [section.querySelector("#goals"), section.querySelector("#recovered")];

  // how it works
  hub.subscribe("demo-ticker:scores", { recover: true, onpublication: ({ data }) => table(data) });

  const goals = hub.subscribe("demo-scores:goals", {
    recover: true,
    onpublication: goal,
    async onsubscribed({ wasRecovering, recovered, missed }) {
      if (wasRecovering) say(recovered, missed);
      if (recovered) return;
      list.replaceChildren();
      const past = await goals.history({ limit: GOALS_SHOWN, reverse: true }).catch(() => undefined); // connection lost
      past?.publications.reverse().forEach(goal);
    },
  });
  // so far

  function table({ minute: now, matches }) {
    minute.textContent = now > 90 ? "Full time" : `Minute ${now}, and a minute takes a second`;
    const row = ({ home, away, score }) =>
      element("tr", {}, element("th", { scope: "row" }, home), element("td", {}, score.join(" : ")), element("td", {}, away));
    rows.replaceChildren(...matches.map(row));
  }

  /** The history and the live stream may both have a goal. */
  function goal({ data, offset }) {
    if (list.querySelector(`[data-offset="${offset}"]`)) return;
    const { minute, by, home, away, score } = data;
    const text = `${minute}′ ${by} scores: ${home} ${score.join(":")} ${away}`;
    list.prepend(element("li", { dataset: { offset } }, text));
    while (list.childElementCount > GOALS_SHOWN) list.lastElementChild.remove();
  }

  function say(recovered, missed) {
    if (!recovered) recovery.textContent = "Away too long to recover every goal.";
    else recovery.textContent = `Recovered ${missed} ${missed === 1 ? "goal" : "goals"} after a loss of the connection.`;
  }
}
