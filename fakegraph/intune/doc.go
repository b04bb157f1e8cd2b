// Package intune is the device management behind Graph: devices with a posture, compliance policies that are evaluated
// when a device checks in, and check-ins right after enrolment and then every eight hours on the machine's clock.
// Devices are kept in the machine's store and are there again after a crash.
//
// Of several policies for a device the worst counts. A device that fails is in its grace period first, if the policy has one;
// a status without a check-in is not valid for ever. Remote actions wait for the next check-in. Whoever shows devices does so in
// a [View], and each view can lag behind what is.
//
// The methods of [Service] that change something are what the administrator of the tenant and the owners of the
// devices do. They do not block and may be called from anywhere. The others are for the services that show devices.
//
// Statements of fact refer to facts: graph-and-entra.
package intune
