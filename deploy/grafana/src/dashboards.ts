/** The dashboards as files: what `npm run dashboards` writes and a test compares. */
import { clusterDashboard } from './cluster-dashboard.js';
import { runDashboard } from './run-dashboard.js';

/** File name to text, for deploy/grafana/dashboards. */
export function dashboardFiles(): Readonly<Record<string, string>> {
  const files = { 'run.json': runDashboard(), 'cluster.json': clusterDashboard() };
  return Object.fromEntries(
    Object.entries(files).map(([name, dashboard]) => [name, `${JSON.stringify(dashboard, null, 2)}\n`]),
  );
}
