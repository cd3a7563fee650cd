import { SparkContext } from '../../src/driver/spark-context.ts';
import { rddConformance } from './rdd-suite.ts';

rddConformance('RDDs under local-cluster[2,1,1024]', () =>
  SparkContext.create({ master: 'local-cluster[2,1,1024]', appName: 'rdd conformance' }),
);
