"""Device profiles: how a model of logger names, scales and marks what it measures, as data of a version."""
