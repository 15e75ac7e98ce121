"""The configuration of IIS: applicationHost.config, appcmd's XML and MetaBase.xml."""
