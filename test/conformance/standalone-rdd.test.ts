import { after, before } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';
import { rddConformance } from './rdd-suite.ts';

let cluster: StandaloneCluster;
before(async () => {
  cluster = await StandaloneCluster.start();
});
after(() => cluster.stop());

rddConformance('RDDs under spark:// with two workers', () =>
  SparkContext.create({ master: cluster.url, appName: 'rdd conformance' }),
);
