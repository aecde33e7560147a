@"%~dp0..\holdfast-cli.exe" %*
