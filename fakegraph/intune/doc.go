// Package intune is the device management behind Graph: devices with a posture, a compliance policy that is evaluated
// when a device checks in, and check-ins right after enrolment and then every eight hours on the machine's clock.
// Devices are kept in the machine's store and are there again after a crash.
//
// The methods of [Service] that change something are what the administrator of the tenant and the owners of the
// devices do. They do not block and may be called from anywhere. The others are for the services that show devices.
//
// Statements of fact refer to facts: graph-and-entra.
package intune
