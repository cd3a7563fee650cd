import { SparkContext } from '../../src/driver/spark-context.ts';
import { rddConformance } from './rdd-suite.ts';

rddConformance('RDDs under local[2]', () => SparkContext.create({ master: 'local[2]', appName: 'rdd conformance' }));
