// Loaded before each test file: contexts of tests open no ports for pages, unless they say so. They would be in each other's way.
import { setSubmitDefaults } from '../../src/config/submit-defaults.ts';

setSubmitDefaults({ 'spark.ui.enabled': 'false' });
